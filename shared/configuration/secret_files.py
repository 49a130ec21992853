"""A secret may be in a file, as Docker and Kubernetes mount them, which is read again: a new one needs no restart."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import BaseModel, Field, ValidatorFunctionWrapHandler, field_validator

from shared.configuration.mail import SmtpServerUrl
from shared.configuration.secrets.webhook_secret import WebhookSecret, secret_in
from shared.configuration.types import KeyFile
from shared.configuration.urls.secret_urls import SecretUrl
from shared.texts.small_files import NotRead, small_file

log = structlog.get_logger(__name__)

LARGEST_FILE = 16 * 1024  # bytes
MOST_SECRETS = 10  # in one file
URLS_IN_FILES = ("database_url", "database_read_url", "redis_url", "broker_url", "smtp_url")
IN_FILES = (*URLS_IN_FILES, "comfyui_webhook_secret")


class SecretFiles(BaseModel, frozen=True):
    """The part of the settings that says in which files others are. Of a URL, user and password are read again."""

    database_url_file: KeyFile = Field(None, description="a file that holds DATABASE_URL, in its place")
    database_read_url_file: KeyFile = Field(None, description="a file that holds DATABASE_READ_URL, in its place")
    redis_url_file: KeyFile = Field(None, description="a file that holds REDIS_URL, in its place")
    broker_url_file: KeyFile = Field(None, description="a file that holds BROKER_URL, in its place")
    smtp_url_file: KeyFile = Field(None, description="a file that holds SMTP_URL, in its place")
    comfyui_webhook_secret_file: KeyFile = Field(
        None, description="a file that holds COMFYUI_WEBHOOK_SECRET, in its place; of several, one a line, each is good"
    )

    @field_validator(*URLS_IN_FILES, mode="wrap", check_fields=False)
    @classmethod
    def knows_its_file(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        found = handler(value)
        return in_file(found, value.file) if isinstance(value, TextOfFile) else found

    @field_validator("comfyui_webhook_secret", mode="wrap", check_fields=False)
    @classmethod
    def is_read_again(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, TextOfFile):
            return handler(value)
        first, *_ = (handler(line) for line in value.split())
        return WebhookSecretInFile(first.value, value.file)


class TextOfFile(str):
    """What is in a file, and which one it is."""

    file: Path


class UrlInFile(SecretUrl):
    """A URL that `file` may have a newer user and password for; `last` are those that were read last."""

    file: Path
    last: "Login"


class SmtpUrlInFile(SmtpServerUrl):
    """The same of an SMTP server."""

    file: Path
    last: "Login"

    @property
    def login(self) -> tuple[str, str] | None:
        user, password = login_of(self)
        return None if user is None else (user, password or "")


@dataclass(frozen=True, repr=False)
class WebhookSecretInFile(WebhookSecret):
    """A secret that may be replaced: while the file holds two, one a line, both are good. `last` are those that were
    read last."""

    file: Path
    last: list[bytes] = dataclasses.field(default_factory=list, compare=False)

    @property
    def good(self) -> Sequence[bytes]:
        try:
            self.last[:] = [secret_in(line) for line in text_in(self.file).split()[:MOST_SECRETS]]
        except (NotRead, ValueError) as error:
            log.warning("secrets.file_not_read", file=str(self.file), problem=str(error))
        return tuple(self.last) or super().good


class Login(NamedTuple):
    user: str | None
    password: str | None


def in_file(url: SecretUrl | None, file: Path) -> SecretUrl | None:
    if url is None:
        return None
    made = SmtpUrlInFile(url) if isinstance(url, SmtpServerUrl) else UrlInFile(url)
    made.file, made.last = file, login_in(url)
    return made


def text_in(file: Path) -> TextOfFile:
    """The text of a file, without what is around it. Raises NotRead."""
    try:
        text = TextOfFile(small_file(file, LARGEST_FILE).decode().strip())
    except UnicodeDecodeError:
        raise NotRead("does not hold text") from None
    if not text:
        raise NotRead("is empty")
    text.file = file
    return text


def taken_from_files(given: dict[str, Any], sources: dict[str, str]) -> list[str]:
    """Put what is in files in its place. A line for each file that is of no use, or not needed."""
    problems = []
    for field in IN_FILES:
        path, variable = given.get(f"{field}_file"), sources.get(f"{field}_file", "")
        if not path or not path.startswith("/"):  # what is wrong with the path itself, its type says
            continue
        if field in given:
            problems.append(f"{variable}: {sources[field]} is set too; set one of them")
            continue
        try:
            given[field], sources[field] = text_in(Path(path)), f"{variable}, whose file"
        except NotRead as error:
            problems.append(f"{variable}: it {error}")
    return problems


def login_of(url: str) -> Login:
    """The user and the password of a URL: those that its file has now, if it is in one.

    A file that is of no use at the moment changes nothing: those that were read last are good.
    """
    if not isinstance(url, UrlInFile | SmtpUrlInFile):
        return login_in(url)
    try:
        url.last = login_in(text_in(url.file))
    except (NotRead, ValueError) as error:
        # A broken URL would be named by the error, with its password.
        problem = str(error) if isinstance(error, NotRead) else "does not hold a URL"
        log.warning("secrets.file_not_read", file=str(url.file), problem=problem)
    return url.last


def login_in(url: str) -> Login:
    """Raises ValueError."""
    parts = urlsplit(url)
    if not parts.scheme:
        raise ValueError("no URL")
    return Login(parts.username and unquote(parts.username), parts.password and unquote(parts.password))


def is_in_file(url: str) -> bool:
    return isinstance(url, UrlInFile | SmtpUrlInFile)
