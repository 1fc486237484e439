"""Delta selection strategies, one file each. A new file here is found by itself: see search/strategy.py."""
