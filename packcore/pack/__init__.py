"""Pack files: their format, reading, resolving, indexing and verifying."""
