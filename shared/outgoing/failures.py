"""Why another server was not asked, or gave no whole answer.

OutgoingError
├── NotAllowed      the URL leads where no request of ours goes; another try changes nothing
└── NoAnswer        it could not be reached, took too long, or broke off; another try may help
"""


class OutgoingError(Exception):
    """The message is for the user who named the URL: it holds no address, and nothing of our network."""


class NotAllowed(OutgoingError):
    pass


class NoAnswer(OutgoingError):
    pass
