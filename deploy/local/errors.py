"""What keeps something from being started on this machine, each said in a sentence that says what to do."""


class CannotStart(Exception):
    """For the launcher: its message is all that a person needs to see."""
