"""What the pages share: cached reads, actions, charts, formats and looks."""
