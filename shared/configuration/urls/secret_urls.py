"""A URL may carry a password: whoever shows it, or text with URLs in it, shows none."""

import re
from urllib.parse import urlsplit

from pydantic import GetPydanticSchema
from pydantic_core import core_schema

# Begins with a literal: a repeat there would be tried again from each letter of a long word.
PASSWORD_IN_URL = re.compile(r"(?P<head>://[^:/@\s]*:)[^/\s]+(?=@)")
PASSWORD_IN_QUERY = re.compile(r"(?P<head>[?&](?:sentinel_|ssl)?password=)[^&\s]+", re.IGNORECASE)

# Kept as the very object the validator made: pydantic would turn a str subclass into a plain str.
AsMade = GetPydanticSchema(lambda _source, _handler: core_schema.any_schema())


def masked(text: str) -> str:
    """The text with the passwords of every URL in it replaced by `***`."""
    return PASSWORD_IN_QUERY.sub(r"\g<head>***", PASSWORD_IN_URL.sub(r"\g<head>***", text))


def without_login(url: str) -> str:
    """The URL without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def without_users(text: str) -> str:
    """The text with `***` for all between the first `://` and the last `@`: where a URL is wrong, any of it may be
    secret."""
    scheme, _, rest = text.partition("://")
    secret, separator, host = rest.rpartition("@")
    return f"{scheme}://***@{host}" if secret and separator else text


class SecretUrl(str):
    """A URL that may carry a password: `str()` gives it whole, `repr()` and `shown` do not."""

    __slots__ = ()

    @property
    def shown(self) -> str:
        return masked(self)

    def __repr__(self) -> str:
        return repr(self.shown)
