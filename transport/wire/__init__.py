"""transport/wire."""
