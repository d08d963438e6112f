"""The database and the lake; knows nothing of the engine."""
