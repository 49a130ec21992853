"""The types a variable can have, each saying in its error what it accepts, and none showing a password."""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic.fields import FieldInfo

from shared.configuration.secrets.webhook_secret import WebhookSecret, webhook_secret
from shared.configuration.urls.public_urls import ORIGIN
from shared.configuration.urls.secret_urls import AsMade, SecretUrl, masked
from shared.outgoing.allowed import allowed_by
from shared.outgoing.trust import trust

DURATION = re.compile(r"^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$")
MOST_YEARS = timedelta(days=36500)  # PostgreSQL knows no moment much later
LEAST_KEPT = timedelta(hours=1)  # what has just ended is still looked at, by workers too
LONGEST_PATTERN, MOST_PATTERNS = 255, 1000
PATTERNS = "patterns such as Load*, separated by commas, or none"
ORIGINS = "origins such as https://app.example.com, separated by commas; * for any; or none"
OWN_HOSTS = "hosts such as files.lan, *.lan, 10.0.0.7 or 10.1.0.0/16, separated by commas, or none"
UNITS = {
    "ms": "milliseconds",
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
    None: "seconds",
}


def as_shown(value: Any) -> str:
    """A setting's value for people and logs."""
    match value:
        case SecretUrl():
            return value.shown
        case tuple():
            return ", ".join(as_shown(item) for item in value)
        case timedelta():
            number, unit = in_its_unit(value)
            return f"{number}{unit[0]}"
        case None:
            return "none"
        case _:
            return masked(str(value))


def in_words(value: timedelta) -> str:
    """A time within a sentence: `7 days`."""
    number, unit = in_its_unit(value)
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}"


def in_its_unit(value: timedelta) -> tuple[str, str]:
    """The number, and the largest unit of which a time is a whole number of times; seconds may have parts."""
    for unit in ("days", "hours", "minutes"):
        if value and not value % timedelta(**{unit: 1}):
            return str(value // timedelta(**{unit: 1})), unit
    return f"{value.total_seconds():.6f}".rstrip("0").rstrip("."), "seconds"


def duration(value: str | timedelta) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = DURATION.match(value.strip().lower())
    if not found or not float(found[1]):
        raise ValueError("a time above zero such as 90, 90s, 25m or 1h (a bare number is seconds)")
    try:
        return timedelta(**{UNITS[found[2]]: float(found[1])})
    except OverflowError:
        raise ValueError("a time of less than 999999999 days") from None


def duration_or_none(value: str | timedelta | None) -> timedelta | None:
    if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
        return None
    if (found := duration(value)) > MOST_YEARS:
        raise ValueError("a time of at most 36500d, or none")
    return found


def retention(value: timedelta | None) -> timedelta | None:
    if value is not None and value < LEAST_KEPT:
        raise ValueError("a time from 1h to 36500d, or none")
    return value


def lease_duration(value: timedelta) -> timedelta:
    if value < timedelta(seconds=3):
        raise ValueError("a time of at least 3s")
    return value


def limit(value: str | int | None) -> int | None:
    if value is None or isinstance(value, int):
        return value
    text = value.strip().lower()
    if text == "none":
        return None
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("a whole number, or none")
    return int(text)


Names = tuple[str, ...]


def listed(check: Callable[[Names], Names]) -> Callable[[str | Names | None], Names | None]:
    """What reads a list, with commas between its items, and has them checked; `none` is none."""

    def read(value: str | Names | None) -> Names | None:
        if not isinstance(value, str):
            return value
        text = value.strip()
        return None if text.lower() == "none" else check(tuple(one.strip() for one in text.split(",")))

    return read


def patterns(found: Names) -> Names:
    if not all(0 < len(one) <= LONGEST_PATTERN for one in found) or len(found) > MOST_PATTERNS:
        raise ValueError(PATTERNS)
    return found


def origins(found: Names) -> Names:
    lower = tuple(one.lower() for one in found)
    if lower != ("*",) and not all(map(ORIGIN.fullmatch, lower)):
        raise ValueError(ORIGINS)
    return tuple(map(as_browsers_say, lower))


def as_browsers_say(origin: str) -> str:
    """An origin without the port that its scheme has anyway."""
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")


def own_hosts(found: Names) -> Names:
    lower = tuple(one.lower() for one in found)
    try:
        allowed_by(lower)
    except ValueError:
        raise ValueError(OWN_HOSTS) from None
    return lower


def file_url_lifetime(value: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= value <= timedelta(days=7):
        raise ValueError("a time from 1m to 7d")
    return value


def ca_file(value: str | Path | None) -> Path | None:
    found = key_file(value)
    try:
        trust(found)
    except OSError as error:
        raise ValueError(f"the absolute path of a file with certificates as PEM ({error.strerror or error})") from None
    return found


def key_file(value: str | Path | None) -> Path | None:
    if isinstance(value, str) and not value.startswith("/"):
        raise ValueError("the absolute path of a file")
    return None if value is None else Path(value)


class Accepts(NamedTuple):
    """What a variable accepts, where nothing in its type says so."""

    text: str


def accepts(field: FieldInfo) -> str | None:
    """What a variable accepts, in words, as far as its type says it."""
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        return ", ".join(field.annotation)
    bounds = {type(item): item for item in field.metadata}
    if Ge in bounds and Le in bounds:
        return f"a whole number from {bounds[Ge].ge} to {bounds[Le].le}"
    return bounds[Accepts].text if Accepts in bounds else None


LowerCase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
Duration = Annotated[timedelta, BeforeValidator(duration)]
DurationOrNone = Annotated[timedelta | None, BeforeValidator(duration_or_none)]
Retention = Annotated[DurationOrNone, AfterValidator(retention)]
LeaseDuration = Annotated[Duration, AfterValidator(lease_duration)]
HookSecret = Annotated[WebhookSecret | None, AsMade, BeforeValidator(webhook_secret)]
CaFile = Annotated[Path | None, BeforeValidator(ca_file)]
KeyFile = Annotated[Path | None, BeforeValidator(key_file)]
Limit = Annotated[int | None, BeforeValidator(limit)]
Patterns = Annotated[Names | None, BeforeValidator(listed(patterns)), Accepts(PATTERNS)]
Origins = Annotated[Names | None, BeforeValidator(listed(origins)), Accepts(ORIGINS)]
OwnHosts = Annotated[Names | None, BeforeValidator(listed(own_hosts)), Accepts(OWN_HOSTS)]
FileUrlLifetime = Annotated[Duration, AfterValidator(file_url_lifetime)]
Namespace = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$"), Accepts("1 to 64 letters, digits, - and _")
]
