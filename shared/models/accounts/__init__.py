"""The tables of users and of what lets them in."""
