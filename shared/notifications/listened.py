"""Whether anybody listens to the ends of a user's jobs: most users have neither webhooks nor preferences."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists
from sqlmodel import col

from shared.models import NotificationSettings, WebhookEndpoint


class Listened(NamedTuple):
    """By what the owners of jobs may hear of their ends."""

    has_webhooks: bool
    has_listeners: bool


def listened(user_id: Any) -> Sequence[ColumnElement[bool]]:
    """The columns of Listened, for what a user's id is equal to."""
    endpoints = exists().where(col(WebhookEndpoint.user_id) == user_id, col(WebhookEndpoint.enabled))
    return endpoints.label("has_webhooks"), has_listeners(user_id)


def has_listeners(user_id: Any) -> ColumnElement[bool]:
    """Whether a user has preferences of notifications."""
    prefers = exists().where(col(NotificationSettings.user_id) == user_id)
    return prefers.label("has_listeners")
