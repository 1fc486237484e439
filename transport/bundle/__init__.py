"""Bundles: the refs of a repository and a pack of their objects in one file (gitformat-bundle)."""
