"""The parts of the door for OpenAI's clients that need no server."""
