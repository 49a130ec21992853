"""The tables of jobs: what they are, what was tried, and what came of them."""
