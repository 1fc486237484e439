"""Fetches into a repository on this disk, converted to SHA-256 if asked."""
