"""Why a file or a database failed, in words that name no path of this machine and no statement."""

import os
import re

# As Python and the decoders quote it. A quote ends at the next one, so each letter is looked at twice at most.
QUOTED_PATH = re.compile(r"""'/[^'\n]*'|"/[^"\n]*\"""")


class InWords(OSError):
    """What went wrong on another machine, in words of ours that name no path."""


def reason_of(error: OSError) -> str:
    """The system's own words for what went wrong, without the names of files that Python adds to them."""
    if isinstance(error, InWords):
        return str(error)
    return os.strerror(error.errno) if error.errno else type(error).__name__


def driver_reason(error: BaseException) -> str:
    """What the driver of a database said, without the whole statement and its values, which SQLAlchemy adds."""
    return str(getattr(error, "orig", None) or error).strip()


def without_paths(text: str) -> str:
    """What a library says of a file of ours, without saying where it is."""
    return QUOTED_PATH.sub("the file", text)
