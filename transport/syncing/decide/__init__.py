"""What becomes of each ref, and how the objects travel."""
