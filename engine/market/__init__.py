"""The exchange: its rules, calendar, files, and what else is known about it; no database, network or screen."""
