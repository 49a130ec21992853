"""Jobs that wait: their place in the queue, when they may start and end, and what is paused."""
