"""What the environment says is tried before anything is started, so that what is wrong is said at once."""

import ssl
from collections.abc import Mapping

import httpx
import psycopg2
import redis

from deploy.local.postgres import connected
from deploy.local.process import CannotStart
from shared.configuration.secrets.vault import Vault
from shared.configuration.server_urls import ServerUrl
from shared.configuration.settings import Settings, load_settings, read
from shared.configuration.types import as_shown
from shared.fleet.credentials import NoToken, headers_for
from shared.messaging.redis_clients import hasty_client
from shared.outgoing.trust import NOT_KNOWN, is_not_trusted, trust

# For what is started later, and where production has no defaults.
TO_BE_STARTED = {
    "DATABASE_URL": "postgresql://127.0.0.1/later",
    "REDIS_URL": "redis://127.0.0.1",
    "COMFYUI_URLS": "http://127.0.0.1",
    "STORAGE_URL": "file:///later",
}
ANSWERS_WITHIN_S = 5.0
ASKS_FOR_CREDENTIALS = (401, 403)


class NoAnswer(CannotStart):
    """A server that the environment names is not there."""

    def __init__(self, variable: str, what: str, reason: str) -> None:
        super().__init__(f"{variable}: {what} does not answer: {reason}")


def chosen(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for the services, with what holds for APP_ENV (demo, unless it says so) under its plain name."""
    app_env, values, _ = read({"APP_ENV": "demo", **environ})
    suffix = f"_{app_env}".upper()
    rest = {
        name: value
        for name, value in environ.items()
        if name.removesuffix(suffix).lower() not in Settings.model_fields  # also those that are empty, so unset
    }
    return {**rest, **{field.upper(): value for field, value in values.items()}, "APP_ENV": app_env}


def settings_before(given: Mapping[str, str]) -> Settings:
    """The settings as far as they are known before anything is started. Raises SettingsError."""
    return load_settings({**TO_BE_STARTED, **given})


def check(given: Mapping[str, str]) -> None:
    """Pass if all variables are right and the servers they name answer. Raises SettingsError or CannotStart."""
    settings = settings_before(given)
    if problem := Vault(settings.secrets_key_file).problem():
        raise CannotStart(problem)
    if "DATABASE_URL" in given:
        check_database(settings)
    for variable in given.keys() & {"REDIS_URL", "BROKER_URL"}:
        check_redis(variable, settings.redis_url if variable == "REDIS_URL" else settings.broker_url)
    if "COMFYUI_URLS" in given:
        check_comfyui(settings)


def check_database(settings: Settings) -> None:
    try:
        with connected(str(settings.database_url)):
            pass
    except psycopg2.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise NoAnswer("DATABASE_URL", as_shown(settings.database_url), reason) from None


def check_redis(variable: str, url: str) -> None:
    client = hasty_client(url)
    try:
        client.ping()
    except redis.RedisError as error:
        raise NoAnswer(variable, as_shown(url), str(error)) from None
    finally:
        client.close()


def check_comfyui(settings: Settings) -> None:
    """One that answers is enough: jobs go there, and to the others once they answer."""
    tls = trust(settings.ca_file)
    problems = {as_shown(url): problem_of(url, tls) for url in settings.comfyui_urls}
    if all(problems.values()):
        first, reason = next(iter(problems.items()))
        more = f", nor do the other {len(problems) - 1}" if len(problems) > 1 else ""
        raise NoAnswer("COMFYUI_URLS", first, f"{reason}{more}; start one, or unset the variable to have one simulated")


def ask(url: ServerUrl, path: str, tls: ssl.SSLContext | None) -> httpx.Response:
    """What a ComfyUI server answers, called as its URL says. Raises httpx.HTTPError and NoToken."""
    return httpx.get(url.name + path, headers=headers_for(url), timeout=ANSWERS_WITHIN_S, verify=tls or True)


def problem_of(url: ServerUrl, tls: ssl.SSLContext | None = None) -> str:
    """Why a URL is not that of a ComfyUI; nothing if it is."""
    try:
        answer = ask(url, "/system_stats", tls)
        system = answer.raise_for_status().json()["system"]
    except NoToken as error:
        return str(error)
    except httpx.HTTPStatusError as error:
        if error.response.status_code in ASKS_FOR_CREDENTIALS:
            return f"HTTP {error.response.status_code}: it asks for other credentials than its URL has"
        return f"HTTP {error.response.status_code} from a server that is no ComfyUI"
    except httpx.HTTPError as error:
        if is_not_trusted(error):
            return NOT_KNOWN
        return str(error) or type(error).__name__
    except (ValueError, LookupError, TypeError):
        return "what is there is no ComfyUI"
    return "" if "comfyui_version" in system else "what is there is no ComfyUI"
