"""One delta: finding what two objects share, writing it as instructions, and applying them."""
