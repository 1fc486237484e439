"""Delta selection strategies, one file each; `packcore.registry` finds them."""
