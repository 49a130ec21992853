"""Each variable is one of ours, none contradicts another, and in production none is careless."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.configuration.choices import AppEnv
from shared.configuration.misspellings import misspelt
from shared.configuration.secrets.vault import Vault
from shared.configuration.settings import VARIABLES, Settings
from shared.configuration.types import as_shown
from shared.fleet.credentials import NoToken, headers_for

SUBJECT = "settings"
OF_THE_OWN_NETWORK = (".local", ".internal", ".lan", ".svc", ".cluster.local", ".home.arpa", ".localhost")
NARROWEST = {4: 8, 6: 32}  # bits of a network that is somebody's own


def wrong(problems: Sequence[str], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Settings that no service starts with."""
    for problem in problems:
        yield trouble(SUBJECT, problem, "No service starts before, and nothing else was looked at")
    yield from names(environ)


def look(installation: Installation) -> Iterator[Finding]:
    settings = installation.settings
    rules = (*CONTRADICTIONS, *CARELESS) if settings.app_env is AppEnv.PROD else CONTRADICTIONS
    found = [*names(installation.environ), *(finding for rule in rules for finding in rule(settings))]
    yield from found
    if not found:
        yield ok(SUBJECT, f"those of {settings.app_env} are good")


def names(environ: Mapping[str, str]) -> Iterator[Finding]:
    for line in misspelt(environ, VARIABLES):
        yield warning(SUBJECT, line, "Correct the name")


# ---------------------------------------------------------------- what contradicts itself, or is of no use


def kept_longer_than_the_job(settings: Settings) -> Iterator[Finding]:
    most = settings.retention_jobs
    for part in ("outputs", "previews", "events", "attempts", "request_keys"):
        kept = getattr(settings, f"retention_{part}")
        if most is not None and kept is not None and kept > most:
            name = f"RETENTION_{part.upper()}"
            found = (
                f"{name}={as_shown(kept)} has no effect: RETENTION_JOBS={as_shown(most)} removes all of a job before"
            )
            yield warning(SUBJECT, found, f"Set {name} to less, or RETENTION_JOBS to more")


def the_same_port(settings: Settings) -> Iterator[Finding]:
    seen: dict[int, str] = {settings.api_port: "API_PORT"}
    for name, port in (("METRICS_PORT", settings.metrics_port), ("NATIVE_PORT", settings.native_port)):
        if port is not None and (other := seen.setdefault(port, name)) != name:
            yield trouble(SUBJECT, f"{name} and {other} are both {port}", "Give each a port of its own")


def never_stalled(settings: Settings) -> Iterator[Finding]:
    if settings.stall_timeout >= settings.soft_time_limit:
        found = f"STALL_TIMEOUT={as_shown(settings.stall_timeout)} has no effect: SOFT_TIME_LIMIT ends a job before"
        yield warning(SUBJECT, found, "Set STALL_TIMEOUT to less")


def no_node_is_left(settings: Settings) -> Iterator[Finding]:
    if both := set(settings.allowed_nodes or ()) & set(settings.denied_nodes or ()):
        found = f"{', '.join(sorted(both))}: both in ALLOWED_NODES and in DENIED_NODES, which denies"
        yield warning(SUBJECT, found, "Take it out of one of them")


def secret_files(settings: Settings) -> Iterator[Finding]:
    if problem := Vault(settings.secrets_key_file).problem():
        yield trouble(SUBJECT, problem, "Jobs with secrets are refused or fail until then")
    for url in settings.comfyui_urls:
        try:
            headers_for(url)
        except NoToken as error:
            yield trouble(SUBJECT, f"{url.name}: {error}", "Its jobs fail until then")


# ---------------------------------------------------------------- what production should not have


def reached_in_clear(settings: Settings) -> Iterator[Finding]:
    """Passwords and pictures that leave the own network unencrypted."""
    for name, url in (("DATABASE_URL", settings.database_url), ("DATABASE_READ_URL", settings.database_read_url or "")):
        database = urlsplit(url)
        encrypted = any(f"sslmode={mode}" in database.query for mode in ("require", "verify"))
        if goes_far(database.hostname) and not encrypted:
            yield warning(SUBJECT, f"{name} leads elsewhere without TLS", "Add ?sslmode=verify-full")
    for name, url, scheme in (
        ("REDIS_URL", settings.redis_url, "redis"),
        ("BROKER_URL", settings.broker_url, "redis"),
        ("SMTP_URL", settings.smtp_url or "", "smtp+plain"),
        ("PUBLIC_URL", settings.public_url or "", "http"),
        *(("COMFYUI_URLS", url, "http") for url in settings.comfyui_urls),
    ):
        parts = urlsplit(url)
        if parts.scheme == scheme and goes_far(parts.hostname):
            found = f"{name} leads to {parts.hostname} without TLS: passwords and keys can be read on the way"
            yield warning(SUBJECT, found, "Use TLS there")


def goes_far(host: str | None) -> bool:
    """Whether a host is outside of the own network, as far as its name says."""
    if not host or ("." not in host.strip("[]") and ":" not in host):
        return False
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        return not host.lower().endswith(OF_THE_OWN_NETWORK)


def anybody_may(settings: Settings) -> Iterator[Finding]:
    for one in settings.native_trusted:
        if one.network.prefixlen < NARROWEST[one.network.version]:
            found = f"NATIVE_TRUSTED lets {one.network} in without a key, as {one.user}"
            yield trouble(SUBJECT, found, "Name your own networks only")
    if settings.cors_origins == ("*",):
        yield warning(SUBJECT, "CORS_ORIGINS=* lets every page call the API", "Name the origins of your pages")
    if settings.metrics_port and settings.metrics_host in {"0.0.0.0", "::"}:
        yield warning(
            SUBJECT, f"METRICS_HOST={settings.metrics_host} shows metrics on every network", "Let no stranger in"
        )


def key_of_secrets(settings: Settings) -> Iterator[Finding]:
    file = settings.secrets_key_file
    if file is None:
        yield warning(
            SUBJECT,
            "SECRETS_KEY_FILE is not set: jobs with secrets are refused",
            "Make one, see docs/operations/secrets.md",
        )
    elif file.is_file() and file.stat().st_mode & 0o007:
        yield warning(SUBJECT, "everybody on this machine can read the file of SECRETS_KEY_FILE", "chmod o= it")


Rule = Callable[[Settings], Iterator[Finding]]
CONTRADICTIONS: Sequence[Rule] = (
    kept_longer_than_the_job,
    the_same_port,
    never_stalled,
    no_node_is_left,
    secret_files,
)
CARELESS: Sequence[Rule] = (reached_in_clear, anybody_may, key_of_secrets)
