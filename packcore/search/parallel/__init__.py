"""Search parts of the objects separately, in one process or several, with the same result."""
