"""The ways in which a sync moves objects: one module each."""
