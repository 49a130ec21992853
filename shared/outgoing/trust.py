"""Whose certificates hold: those of the authorities that this machine trusts, and of an installation's own."""

import ssl
from pathlib import Path

NOT_KNOWN = (
    "its certificate is not one of an authority known here, or not for that host; CA_FILE names a file with those of "
    "your own"
)


def trust(ca_file: Path | None) -> ssl.SSLContext | None:
    """What certificates are held to; None where that is only what this machine trusts. Raises OSError."""
    if ca_file is None:
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    return context


def is_not_trusted(error: BaseException) -> bool:
    """Whether a certificate that does not hold is behind an error."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
