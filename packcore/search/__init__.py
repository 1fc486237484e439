"""Delta search: which objects are tried as bases for which. `select` is phase 1."""
