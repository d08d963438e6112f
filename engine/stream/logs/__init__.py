"""Where what a stream received is kept."""
