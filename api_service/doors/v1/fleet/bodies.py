"""What an admin may say of ComfyUI servers."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from api_service.fleet.fleet_queries import NamedServer
from api_service.fleet.server_changes import Departure
from shared.configuration.server_urls import LEAST_WEIGHT, MOST_SLOTS, MOST_WEIGHT, server_url
from shared.fleet.credentials import HEADER_NAME, LONGEST_TOKEN, basic
from shared.texts.labels import Labels

LONGEST_URL = 255  # characters: it is the server's name
LONGEST_PART = 255  # of a user and a password
URL_FORM = "must be http:// or https://, a host, and nothing else but a port and a path if need be"
# Without these a request is another one, or none.
NOT_TO_BE_SET = re.compile(r"host|content-.*|transfer-encoding|connection|upgrade|te|trailer|accept.*|sec-.*|origin")


def address(value: str) -> str:
    if "#" in value or "@" in value or not value.isprintable():
        raise ValueError(f"{URL_FORM}; what else there is to say has fields of its own, such as `credentials`")
    try:
        return server_url(value).name
    except ValueError:
        raise ValueError(URL_FORM) from None


def header_name(value: str) -> str:
    if not HEADER_NAME.match(value) or NOT_TO_BE_SET.fullmatch(value.lower()):
        raise ValueError("must be the name of a header that is free to be set, such as X-API-Key")
    return value


def sendable(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise ValueError("must be visible ASCII characters, without blanks around them")
    return value


def without_colon(value: str) -> str:
    if ":" in value or not value.isprintable():
        raise ValueError("must be printable characters, none of them a colon")
    return value


Slots = Annotated[int, Field(strict=True, ge=1, le=MOST_SLOTS)]
ServerWeight = Annotated[float, Field(strict=True, ge=LEAST_WEIGHT, le=MOST_WEIGHT)]


class Credentials(BaseModel, frozen=True, extra="forbid"):
    """What the server asks for: a `user` with a `password` (HTTP Basic), or a `header` with its `value`. They are
    stored encrypted, sent to this server only, and never shown."""

    user: Annotated[str, Field(max_length=LONGEST_PART), AfterValidator(without_colon)] | None = None
    password: Annotated[SecretStr, Field(max_length=LONGEST_PART)] | None = None
    header: Annotated[str, AfterValidator(header_name)] | None = None
    value: Annotated[SecretStr, Field(min_length=1, max_length=LONGEST_TOKEN), AfterValidator(sendable)] | None = None

    @model_validator(mode="after")
    def is_one_of_both(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if given not in ({"user", "password"}, {"header", "value"}):
            raise ValueError("must be `user` and `password`, or `header` and `value`")
        return self

    def headers(self) -> dict[str, str]:
        if self.user is not None and self.password is not None:
            return basic(self.user, self.password.get_secret_value())
        assert self.header is not None, "the validator saw to it"
        assert self.value is not None, "the validator saw to it"
        return {self.header: self.value.get_secret_value()}


class ServerTerms(BaseModel):
    """What is said of a server beside its name: how many jobs it holds at once (`slots`), how fast it is (`weight`: 2
    is twice as fast as 1), and the `labels` that jobs may ask for. One that is not `enabled` gets no jobs."""

    slots: Slots | None = None
    weight: ServerWeight | None = None
    labels: Labels | None = None
    credentials: Credentials | None = None
    enabled: bool = True

    def given(self) -> dict[str, Any]:
        """What was said of it, but for credentials."""
        return self.model_dump(exclude_unset=True, include={"slots", "weight", "labels", "enabled"})


class NewServer(ServerTerms, frozen=True, extra="forbid"):
    """A server for the workers to use. What is absent or null is as for those of COMFYUI_URLS."""

    url: Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(address)] = Field(examples=["http://gpu-7:8188"])


class ServerChange(ServerTerms, NamedServer, extra="forbid"):
    """What is to change; what is absent stays. `slots`, `weight` or `labels` of null are what the workers' settings
    say again; `credentials` of null are none."""


class ServerRemoval(NamedServer, extra="forbid"):
    """Which server, and what becomes of its jobs: `drained` ones end there, `now` ones are moved to other servers."""

    when: Departure = Departure.DRAINED
