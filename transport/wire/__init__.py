"""The wire formats, without I/O: parse bytes into values and events, encode values into bytes."""
