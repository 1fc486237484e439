"""The parts of the strategy `chunk-window`: what it does for each type, and what these share."""
