"""Where clients reach the API: a URL, and the path in it below which a proxy has the service."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
PUBLIC_URL = re.compile(rf"{ORIGIN.pattern}(?:/[a-z0-9._~/-]{{0,200}})?", re.IGNORECASE)
WORD = re.compile(r"[A-Za-z0-9._~-]+")
LONGEST_ROOT_PATH = 100  # characters: each address in a webhook grows by as many
ROOT_PATH_FORM = (
    f"/ and words of letters, digits, ., _, ~ and -, such as /pictures or /make/pictures, without / at the end, "
    f"{LONGEST_ROOT_PATH} characters at most"
)
# What addresses of ours begin with: below /api, `/api/v1/...` would be one thing or another.
OUR_FIRST_WORDS = frozenset(
    {
        *("api", "v1", "c", "ws", "docs", "openapi.json", "health", "session", "webhooks", "pages"),
        *("studio", "gallery", "dashboard", "sign-in"),
        *("embeddings", "etn", "experiment", "extensions", "features", "free", "history", "interrupt", "jobs"),
        *("models", "object_info", "prompt", "queue", "settings", "system_stats", "upload", "users", "view"),
    }
)


def public_url(value: str | None) -> str | None:
    if value is not None and not PUBLIC_URL.fullmatch(value):
        raise ValueError("https://host[:port][/path]")
    return value and value.rstrip("/")


def root_path(value: str) -> str:
    if not value:
        return value
    before, *words = value[: LONGEST_ROOT_PATH + 1].split("/")
    if before or not words or not all(map(is_word, words)) or len(value) > LONGEST_ROOT_PATH:
        raise ValueError(ROOT_PATH_FORM)
    if words[0] in OUR_FIRST_WORDS:
        raise ValueError(f"a path that does not begin with /{words[0]}, as addresses of this service do")
    return value


def is_word(word: str) -> bool:
    return WORD.fullmatch(word) is not None and word not in {".", ".."}


PublicUrl = Annotated[str | None, BeforeValidator(public_url)]
RootPath = Annotated[str, BeforeValidator(root_path)]


class PublicAddress(BaseModel, frozen=True):
    """The part of the settings that says where clients reach the API."""

    public_url: PublicUrl = Field(
        None, description="where clients reach the API, for the URLs of files; default: what each request says"
    )
    root_path: RootPath = Field(
        "", description="the path below which a proxy has the service, such as /pictures; default: none"
    )

    @field_validator("root_path")
    @classmethod
    def it_is_the_path_of_the_public_url(cls, value: str, info: ValidationInfo) -> Any:
        public = info.data.get("public_url")
        if value and public and (path := urlsplit(public).path) != value:
            raise ValueError(f"{path}, which PUBLIC_URL says" if path else "none, as PUBLIC_URL has no path")
        return value
