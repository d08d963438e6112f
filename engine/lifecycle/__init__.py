"""What becomes of old months of the lake: packed into one file each, moved into the cold, brought back; dry run first, and undone."""
