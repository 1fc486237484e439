"""The three integer codings of a pack (gitformat-pack in git's documentation)."""
