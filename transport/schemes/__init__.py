"""transport/schemes."""
