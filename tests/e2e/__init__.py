"""Consoles in a browser: servers and runners as a person has them. A package, so that its fixtures end with its last test."""
