"""A key that a client gives to a request, so that the same request, sent again, does nothing twice."""

from typing import NamedTuple


class IdempotencyKey(NamedTuple):
    """A key, and the digest of the request that came with it: the same for requests that ask for the same."""

    key: str
    digest: str
