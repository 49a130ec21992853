"""What a server lacks though it gets jobs is noted in its row, where an operator sees it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Engine, cast, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from shared.database.engine import transaction
from shared.models import ComfyUIServer

LONGEST = 1000  # characters


class Notes:
    """The notes of one server. `write` takes a text by subject, or None where there is nothing to note any more.

    What this process has not found out stays as others have written it.
    """

    def __init__(self, engine: Engine, server: str) -> None:
        self.engine = engine
        self.server = server
        self.written: dict[str, str | None] = {}

    def write(self, found: Mapping[str, str | None]) -> None:
        news = {subject: text for subject, text in found.items() if self.written.get(subject, "") != text}
        if not news:
            return
        noted = {subject: text[:LONGEST] for subject, text in news.items() if text}
        kept: ColumnElement[Any] = type_coerce(col(ComfyUIServer.notes), JSONB)
        for subject in news.keys() - noted:
            kept = kept.op("-", return_type=JSONB())(subject)
        row = update(ComfyUIServer).where(col(ComfyUIServer.name) == self.server)
        with transaction(self.engine) as session:
            session.execute(row.values(notes=kept.op("||")(cast(noted, JSONB))))
        self.written |= news
