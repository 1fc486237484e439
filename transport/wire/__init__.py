"""The wire formats, without I/O: bytes in, values and events out; values in, bytes out."""
