"""The command line, one module a noun; `commands.py` puts them together."""
