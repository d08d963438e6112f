"""Where daily files come from; a source is chosen by its name in the settings."""
