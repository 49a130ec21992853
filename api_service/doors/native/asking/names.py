"""How clients name their prompts in bodies and addresses."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from api_service.http.path_ids import uuid_in


def ids_in(given: Any) -> Sequence[UUID]:
    """The ids of prompts in a list; what is no id is no prompt's."""
    if not isinstance(given, list):
        return ()
    return [found for one in given if isinstance(one, str) and (found := uuid_in(one))]


def text_or_none(given: Any) -> str | None:
    return given if isinstance(given, str) and given else None
