"""What is asked for: bodies, sizes, models, and where."""
