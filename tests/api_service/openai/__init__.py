"""The door for OpenAI's clients, as far as it needs no worker."""
