"""What a prompt can be made of: each node class with what it takes, what it gives and what running it does."""
