"""transport/sync."""
