"""Where files are kept: a folder, or a bucket of an object store with its endpoint and credentials."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from shared.configuration.types import Duration
from shared.configuration.urls.http_urls import http_base

STORES = ("s3", "gs", "az")
STORE_FORM = "file:///an/absolute/folder, s3://bucket[/prefix], gs://bucket[/prefix] or az://container[/prefix]"


def storage_url(value: str) -> str:
    parts = urlsplit(value)
    is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    # No port, user or query: what belongs to the store itself has settings of its own.
    is_bucket = parts.scheme in STORES and parts.netloc and not set(parts.netloc) & {":", "@"}
    if not (is_folder or is_bucket) or (is_bucket and (parts.query or parts.fragment or ".." in parts.path.split("/"))):
        raise ValueError(STORE_FORM)
    return value


def storage_endpoint(value: str | None) -> str | None:
    if value is None or value.strip().lower() == "none":
        return None
    return http_base(value, "http(s)://host[:port][/path], or none")


def storage_url_or_none(value: str | None) -> str | None:
    return None if value is None or value.strip().lower() == "none" else storage_url(value)


StorageUrl = Annotated[str, BeforeValidator(storage_url)]
StorageUrlOrNone = Annotated[str | None, BeforeValidator(storage_url_or_none)]
Endpoint = Annotated[str | None, BeforeValidator(storage_endpoint)]


class StorageSettings(BaseModel, frozen=True):
    """The part of the settings that says where files are kept."""

    storage_url: StorageUrl = Field(
        description="what keeps the files: file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container"
    )
    storage_moving_from: StorageUrlOrNone = Field(
        None, description="the former STORAGE_URL, whose files are read too until a task has moved them, or none"
    )
    storage_endpoint: Endpoint = Field(
        None, description="the server of an s3:// store that is not Amazon's; default: AWS_ENDPOINT_URL"
    )
    storage_region: str | None = Field(None, max_length=64, description="the region of the bucket; default: AWS_REGION")
    storage_access_key_id: str | None = Field(
        None,
        max_length=256,
        description="the key to the bucket; default: AWS_ACCESS_KEY_ID, or the machine's role",
    )
    storage_secret_access_key: SecretStr | None = Field(
        None, max_length=1024, description="what belongs to STORAGE_ACCESS_KEY_ID; default: AWS_SECRET_ACCESS_KEY"
    )
    storage_signed_urls: bool = Field(
        False, description="whether downloads are sent on (302) to signed URLs of the object store itself"
    )
    storage_patience: Duration = Field(
        timedelta(hours=1), description="how long a result waits in ComfyUI for a store that refuses it"
    )

    @field_validator("storage_moving_from")
    @classmethod
    def files_move_from_elsewhere(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value.rstrip("/") == str(info.data.get("storage_url")).rstrip("/"):
            raise ValueError("another store than STORAGE_URL, or none")
        return value

    @field_validator("storage_secret_access_key")
    @classmethod
    def a_key_has_two_halves(cls, value: Any, info: ValidationInfo) -> Any:
        if "storage_access_key_id" in info.data and (value is None) != (info.data["storage_access_key_id"] is None):
            raise ValueError("a secret together with STORAGE_ACCESS_KEY_ID: either both are set or neither")
        return value
