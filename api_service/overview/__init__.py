"""What goes on, for who looks at the whole of it."""
