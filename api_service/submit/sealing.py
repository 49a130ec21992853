"""Secrets are encrypted as soon as they are read: what accepts, checks and records a job only has what may be kept."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from api_service.jobs.extra_data import ExtraData
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from api_service.submit.job_request import JobRequest
from shared.configuration.secrets.vault import NoVault, Vault


class SentAlong(NamedTuple):
    """A job, and what is to be sent along with its prompt."""

    request: JobRequest
    extra_data: ExtraData


def seal_all(vault: Vault, jobs: Sequence[SentAlong]) -> list[JobRequest]:
    """The jobs with their secrets, encrypted. Raises Refusal: invalid_fields, which names each secret and shows none.

    Reads a file if there are any.
    """
    sealed, errors = [], []
    for request, extra_data in jobs:
        try:
            sealed.append(seal(vault, request, extra_data))
        except NoVault as error:
            message = f"is not taken: it could not be stored encrypted, as {error}"
            errors += [
                FieldError(field=f"{request.place}extra_data.{name}", message=message, code="secret_not_taken")
                for name in extra_data.secrets
            ]
    if errors:
        raise invalid_fields(errors)
    return sealed


def seal(vault: Vault, request: JobRequest, extra_data: ExtraData) -> JobRequest:
    if not extra_data.secrets:
        return request
    sealed, names = vault.seal(extra_data.secrets), tuple(extra_data.secrets)
    return replace(request, options=replace(request.options, secrets=sealed, secret_names=names))
