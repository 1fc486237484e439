"""Bundles: a repository's refs and a pack of their objects in one file (gitformat-bundle)."""
