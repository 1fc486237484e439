"""Pack plans: the checked value, its file form, and `write`, which is phase 2."""
