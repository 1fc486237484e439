"""Servers of our own: what answers a fetch from a repository on this disk."""
