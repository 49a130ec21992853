"""Why a file could not be read or written, in words that name no path of this machine."""

import os


def reason_of(error: OSError) -> str:
    """The system's own words for what went wrong, without the names of files that Python adds to them."""
    return os.strerror(error.errno) if error.errno else type(error).__name__
