"""Gold: the features of every symbol, computed one session at a time from carried state; no database, network or screen."""
