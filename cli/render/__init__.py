"""Text for people, made from packcore's values. Pure: nothing here writes to a stream."""
