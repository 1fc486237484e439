"""Searching parts of the objects by themselves, in this process or in several, with the same result."""
