"""What became of each ref: results, receipts, and reading the target back."""
