"""Turn packcore's values into text for people. Pure: nothing here writes to a stream."""
