"""packcore."""
