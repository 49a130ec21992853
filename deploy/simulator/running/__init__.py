"""What happens to a prompt between the queue and the history."""
