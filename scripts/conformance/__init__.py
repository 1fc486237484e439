"""`make conformance`: run the test suites of other programs with packcore in their place."""
