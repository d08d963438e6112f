"""What is measured of runs and of the console itself: statistics, deadlines, and the text that Prometheus reads."""
