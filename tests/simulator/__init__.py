"""The simulator is held to recordings of the real server, and its faults to what they promise."""
