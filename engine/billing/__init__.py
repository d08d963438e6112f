"""What work has cost: measured when it ends, priced by the book in force, read by run, session, stage, day and layer, and forecast."""
