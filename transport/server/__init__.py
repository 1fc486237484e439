"""transport/server."""
