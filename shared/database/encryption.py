"""A connection that is not encrypted as its URL says it must be is one sentence: waiting changes nothing."""

from sqlalchemy.exc import DBAPIError

# What libpq says, and what to do about it.
PROBLEMS = {
    "certificate verify failed": (
        "the server's certificate is not one of the authority in sslrootcert: name the file with the authority's "
        "certificate in the URL, as ?sslmode=verify-full&sslrootcert=/PATH"
    ),
    "does not match host name": "the server's certificate is for another host than the URL's: name the host as it does",
    "root certificate file": "no authority is named: add &sslrootcert=/PATH to the URL, or &sslrootcert=system",
    "server does not support SSL": "the server does not encrypt, and sslmode wants it to: set ssl = on there",
}


def encryption_problem(error: Exception) -> str | None:
    """One sentence if this is why no connection came about."""
    if not isinstance(error, DBAPIError):
        return None
    said = str(error.orig)
    return next((problem for words, problem in PROBLEMS.items() if words in said), None)
