"""The secrets of a job go along with its prompt, and are taken out of what a server says of it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from shared.configuration.secrets.vault import NoVault, Vault
from shared.jobs.errors import GenerationError, SecretsUnreadable
from shared.models import GenerationJob
from worker_service.run.outcome import Done, Failed, Outcome

MASK = "***"
# A text may have been cut in the middle of a secret: what begins like one is masked as far as it goes on like one.
KNOWN_BY = (4, 16)  # characters at least and at most, else half of it
CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=")
UNKNOWN = "what there is to say of it may hold secrets of the job, which this worker cannot decrypt"


def secrets_of(job: GenerationJob, vault: Vault) -> dict[str, str]:
    """The secrets that were sent with a job, in the clear. Raises SecretsUnreadable."""
    if job.secrets is None:
        return {}
    try:
        return vault.opened(job.secrets)
    except NoVault as error:
        raise SecretsUnreadable(str(error)) from None


def without_secrets(outcome: Outcome, job: GenerationJob, vault: Vault) -> Outcome:
    """The outcome with `***` for the job's secrets in its words: a node that was given one can put it into an error."""
    if job.secrets is None or not isinstance(outcome, Done | Failed):
        return outcome
    try:
        secrets = secrets_of(job, vault).values()
    except SecretsUnreadable:
        return without_words(outcome)
    if isinstance(outcome, Failed):
        return Failed(masked_error(outcome.error, secrets))
    return replace(outcome, warnings=[type(one)(*masked(list(one), secrets)) for one in outcome.warnings])


def safe_words(text: str, job: GenerationJob, vault: Vault) -> str:
    """What a server says of a job, without the secrets of the job."""
    try:
        return str(masked(text, secrets_of(job, vault).values()))
    except SecretsUnreadable:
        return UNKNOWN


def without_words(outcome: Done | Failed) -> Outcome:
    """A worker without the key has gone on with the prompt of one that had it."""
    if isinstance(outcome, Done):
        return replace(outcome, warnings=[one._replace(message=UNKNOWN, filename=None) for one in outcome.warnings])
    return outcome if isinstance(outcome.error, SecretsUnreadable) else Failed(outcome.error.without_words(UNKNOWN))


def masked_error(error: GenerationError, secrets: Collection[str]) -> GenerationError:
    error.args = tuple(masked(list(error.args), secrets))
    error.details = masked(dict(error.details), secrets)
    return error


def masked(value: Any, secrets: Collection[str]) -> Any:
    """A JSON document with `***` for each secret in its texts and keys."""
    match value:
        case str():
            for secret in secrets:
                value = masked_text(value, secret)
            return value
        case Mapping():
            return {masked(key, secrets): masked(part, secrets) for key, part in value.items()}
        case list():
            return [masked(part, secrets) for part in value]
        case _:
            return value


def masked_text(text: str, secret: str) -> str:
    shortest, longest = KNOWN_BY
    head, *others = text.split(secret[: max(shortest, min(len(secret) // 2, longest))])
    return head + "".join(MASK + after_token(other) for other in others)


def after_token(text: str) -> str:
    """The text from its first character that no secret has."""
    return next((text[place:] for place, letter in enumerate(text) if letter not in CHARACTERS), "")
