"""Delta selection strategies, one file each. New files here are found by a scan: see search/strategy.py."""
