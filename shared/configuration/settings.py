"""Every variable once: its type, its default and why one would set it; NAME_<APP_ENV> wins over NAME."""

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from shared.configuration.bounds import Bounds
from shared.configuration.choices import AppEnv, LogFormat, LogLevel, Pooler
from shared.configuration.defaults import DERIVED, dependent_defaults
from shared.configuration.dot_env import in_dot_env
from shared.configuration.mail import MailFrom, SmtpUrl
from shared.configuration.misspellings import misspelt
from shared.configuration.pairs import ModelAliases, TrustedNetworks
from shared.configuration.secret_files import SecretFiles, taken_from_files
from shared.configuration.server_urls import ComfyUIUrls
from shared.configuration.storage import StorageSettings
from shared.configuration.types import (
    CaFile,
    Duration,
    DurationOrNone,
    FileUrlLifetime,
    HookSecret,
    KeyFile,
    LeaseDuration,
    LowerCase,
    Namespace,
    Origins,
    OwnHosts,
    Patterns,
    accepts,
    as_shown,
)
from shared.configuration.urls.database_urls import DatabaseSettings
from shared.configuration.urls.public_urls import PublicAddress
from shared.configuration.urls.redis_urls import RedisUrl
from shared.configuration.urls.secret_urls import without_users
from shared.tracing.endpoint import OtlpEndpoint


class Settings(
    SecretFiles, PublicAddress, StorageSettings, Bounds, DatabaseSettings, extra="forbid", validate_default=True
):
    """The effective settings of one process. The field `redis_url` is the variable `REDIS_URL`, and so on."""

    app_env: Annotated[AppEnv, LowerCase] = Field(AppEnv.DEV, description="the environment this process belongs to")
    database_pooler: Annotated[Pooler, LowerCase] = Field(
        Pooler.NONE, description="transaction if a pooler such as PgBouncer lends connections for one transaction each"
    )
    redis_url: RedisUrl = Field(description="Redis or Valkey for live events and cancel signals")
    redis_ns: Namespace = Field(description="the prefix of every Redis key and channel")
    broker_url: RedisUrl = Field(description="Redis or Valkey for Dramatiq's queues; default: REDIS_URL")
    comfyui_urls: ComfyUIUrls = Field(
        description="the ComfyUI servers, separated by commas, each with user:password@, #slots=N, #weight=N, "
        "#labels=WORD+WORD or #token_file=/PATH if need be"
    )
    comfyui_slots: int = Field(
        2, ge=1, le=64, description="jobs a ComfyUI server holds: one runs, the others wait so that its GPU never idles"
    )
    comfyui_restart_command: str | None = Field(
        None, description="run when a ComfyUI server answers but runs nothing, with its URL in COMFYUI_URL"
    )
    comfyui_webhook_secret: HookSecret = Field(
        None, description="what signs `POST /webhooks/comfyui`, whsec_ and base64; without it that is off"
    )
    stall_timeout: Duration = Field(
        timedelta(minutes=10),
        description="how long nothing may be heard of a prompt before its job is moved to another server",
    )
    secrets_key_file: KeyFile = Field(None, description="the file of the keys that encrypt the secrets sent with jobs")
    output_max_bytes: int = Field(
        2 * 1024**3, ge=1024, le=1024**4, description="the largest file kept; a larger one is left out, with a warning"
    )
    asset_max_bytes: int = Field(
        100 * 1024**2, ge=1024, le=1024**4, description="a larger file is refused where it is uploaded"
    )
    archive_max_bytes: int = Field(
        20 * 1024**3, ge=1024, le=1024**5, description="the largest archive of jobs that is uploaded or fetched"
    )
    asset_lifetime: DurationOrNone = Field(None, description="how long an asset is kept unless it says so, or none")
    comfyui_keep_history: bool = Field(False, description="whether ComfyUI's history keeps the prompts of ended jobs")
    soft_time_limit: Duration = Field(timedelta(minutes=25), description="a job that runs longer is stopped and failed")
    hard_time_limit: Duration = Field(
        timedelta(minutes=30), description="a worker whose job outlives even this ends itself"
    )
    lease_duration: LeaseDuration = Field(
        timedelta(seconds=30),
        description="how long a worker may be silent before other workers take over its jobs; it renews its leases six "
        "times in this time",
    )
    max_attempts: int = Field(5, ge=1, le=100, description="how often a job is tried in all")
    worker_threads: int = Field(
        ge=1,
        le=1024,
        description="jobs a worker process holds at once; default: COMFYUI_SLOTS for each server, and one more for a "
        "job whose outputs are being stored",
    )
    worker_max_messages: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="messages after which a worker process restarts, once it is idle; it does not wait for that after "
        "ten times as many if it has grown, and after a hundred times as many in any case",
    )
    api_host: str = Field("127.0.0.1", description="the address the API listens on")
    api_port: int = Field(8000, ge=0, le=65535, description="the port the API listens on")
    metrics_host: str = Field("127.0.0.1", description="the address that metrics are shown on, with METRICS_PORT")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="the port that this process shows its metrics on, or none"
    )
    otel_exporter_otlp_endpoint: OtlpEndpoint = Field(
        None, description="the OTLP receiver that traces are sent to, by HTTP; without it there are none"
    )
    native_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="a port for ComfyUI's own API alone, for programs that know no more of a server",
    )
    native_trusted: TrustedNetworks = Field(
        (), description="networks whose programs need no key for ComfyUI's own API, each with its user: CIDR=USER,..."
    )
    model_aliases: ModelAliases = Field(
        (),
        description="models by the names that programs hard-code, for ComfyUI's and OpenAI's APIs: NAME=MODEL,...",
    )
    cors_origins: Origins = Field(None, description="the origins whose pages may call the API in a browser, or none")
    file_url_lifetime: FileUrlLifetime = Field(
        timedelta(hours=1), description="how long the URL of a file works without a key, at the least"
    )
    outgoing_allow: OwnHosts = Field(
        None,
        description="hosts of your own network that webhooks and assets from URLs may reach, also by http, or none",
    )
    ca_file: CaFile = Field(
        None, description="certificates of authorities that are trusted too: for ComfyUI, webhooks, assets and e-mail"
    )
    mail_from: MailFrom = Field(None, description="whom e-mail is from, such as Pictures <pictures@example.com>")
    smtp_url: SmtpUrl = Field(
        None, description="the server that takes e-mail, with user:password@ if need be; without one none is sent"
    )
    allowed_nodes: Patterns = Field(None, description="the node classes that jobs may use, or none for all")
    denied_nodes: Patterns = Field(
        None, description="the node classes that no job may use, also of those allowed, or none"
    )
    log_level: Annotated[LogLevel, LowerCase] = Field(LogLevel.INFO, description="the least level that is logged")
    log_format: Annotated[LogFormat, LowerCase] = Field(
        LogFormat.JSON,
        description="json for machines, console for people; default: console where standard output is a terminal",
    )

    @field_validator("hard_time_limit")
    @classmethod
    def the_hard_limit_is_the_longer_one(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        soft = info.data.get("soft_time_limit")
        if soft is not None and value <= soft:
            raise ValueError(f"a time above SOFT_TIME_LIMIT, which is {as_shown(soft)}")
        return value

    @field_validator("smtp_url")
    @classmethod
    def mail_says_whom_it_is_from_and_where_its_links_lead(cls, value: Any, info: ValidationInfo) -> Any:
        lacking = [name.upper() for name in ("mail_from", "public_url") if name in info.data and not info.data[name]]
        if value is not None and lacking:
            raise ValueError(f"none while {' and '.join(lacking)} is not set")
        return value


VARIABLES = {
    "APP_ENV",
    *(f"{field}{suffix}".upper() for field in Settings.model_fields for suffix in ("", *(f"_{env}" for env in AppEnv))),
}
SECRET = {"comfyui_webhook_secret", "storage_secret_access_key"}  # never shown, also where it is wrong


class SettingsError(Exception):
    """One or more variables are wrong. `problems` has a line for each: variable, value, what is accepted."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables. Raises SettingsError naming every wrong one."""
    app_env, given, sources = read(environ)
    values = dependent_defaults(app_env, given, Settings.model_fields["comfyui_slots"].default)
    try:
        return Settings(app_env=app_env, **values)
    except ValidationError as error:
        # A default made from a wrong variable is that variable's problem, not one more.
        wrong = [found for found in error.errors() if found["loc"][0] not in DERIVED - given.keys()]
        raise SettingsError([problem(found, values, sources) for found in wrong]) from None


def read(environ: Mapping[str, str]) -> tuple[AppEnv, dict[str, str], dict[str, str]]:
    """APP_ENV, the values given by field, and the variable each came from. An empty variable counts as unset."""
    name = environ.get("APP_ENV", "").strip().lower() or AppEnv.DEV
    if name not in set(AppEnv):
        raise SettingsError([f"APP_ENV: {name!r} is not accepted; accepted: {', '.join(AppEnv)}"])
    given: dict[str, str] = {}
    sources: dict[str, str] = {}
    for field in Settings.model_fields.keys() - {"app_env"}:
        for variable in (f"{field}_{name}".upper(), field.upper()):
            if value := environ.get(variable, "").strip():
                given[field], sources[field] = value, variable
                break
    if problems := taken_from_files(given, sources):
        raise SettingsError(problems)
    return AppEnv(name), given, sources


def problem(found: Any, values: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    """One line: the variable, the value it has (a password in it is masked) and what is accepted."""
    field = str(found["loc"][0])
    info = Settings.model_fields[field]
    variable = sources.get(field, field.upper())
    if found["type"] == "missing":
        return f"{variable}: not set, and production has no default for it; it is {info.description}"
    accepted = accepts(info) or str(found["msg"]).removeprefix("Value error, ")
    shown = "***" if field in SECRET else without_users(as_shown(values.get(field, info.default)))
    return f"{variable}: {shown!r} is not accepted; accepted: {accepted}"


def environment() -> dict[str, str]:
    """The process's environment, over what a `.env` file in the current folder says. Raises SettingsError."""
    named, problem = in_dot_env()
    if problem:
        raise SettingsError([problem])
    return {**named, **os.environ}


def settings_or_exit(*, are_read_again: bool = False) -> Settings:
    """The settings of this process, for a `main`: wrong ones end it with status 2, a line for each.

    Misspelt ones are named too; by whoever reads last, where what this process starts reads them once more.
    """
    environ: Mapping[str, str] = os.environ
    try:
        environ = environment()
        settings = load_settings(environ)
    except SettingsError as error:
        sys.stderr.write("".join(f"{line}\n" for line in [*error.problems, *misspelt(environ, VARIABLES)]))
        sys.exit(2)
    if not are_read_again:
        sys.stderr.write("".join(f"{line}\n" for line in misspelt(environ, VARIABLES)))
    return settings
