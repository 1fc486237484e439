"""Delta search: which object is tried as the base of which. `select` is phase 1."""
