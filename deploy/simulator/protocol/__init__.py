"""The two protocols the simulator speaks, and where they differ."""
