"""The parts of the strategy `chunk-window`: one chooser for each object type, and what they share."""
