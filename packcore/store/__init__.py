"""Object stores: one protocol (`base`), five rooms."""
