"""What webhooks were sent is kept for a time; what is still owed to one that is enabled is never cleaned up."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from shared.accounts.retention import Kept, keepers
from shared.database.engine import reading, transaction
from shared.models import WebhookEndpoint
from worker_service.cleanup.portion import Portion, Removed, Tools

WINDOW = 500

HAS_WEBHOOKS = "EXISTS (SELECT FROM webhook_endpoints WHERE user_id = keepers.id)"
# One that is disabled is owed what waits until it is enabled again, but not for ever.
MAY_GO = """(
    state <> 'pending' OR NOT (SELECT enabled FROM webhook_endpoints AS endpoint WHERE endpoint.id = endpoint_id)
) AND (claimed_until IS NULL OR claimed_until <= now())"""
LOOK = text(f"""
SELECT id, created_at, octet_length(body) AS size_bytes, {MAY_GO} AS goes FROM webhook_deliveries
WHERE endpoint_id = :endpoint AND created_at <= now() - :age
    AND (created_at, id) > (CAST(:created_at AS timestamptz), :id)
ORDER BY created_at, id LIMIT :window
""")  # noqa: S608 - ours
REMOVE = text(f"""
DELETE FROM webhook_deliveries WHERE id = ANY(:ids) AND {MAY_GO} RETURNING octet_length(body)
""")  # noqa: S608 - ours


def old_deliveries(tools: Tools, _place: str | None) -> Iterator[Portion]:
    for keeper in keepers(tools.engine, Kept.DELIVERIES, tools.usual, owns_some=HAS_WEBHOOKS):
        with reading(tools.engine) as session:
            endpoints = session.exec(select(WebhookEndpoint.id).where(col(WebhookEndpoint.user_id) == keeper.id)).all()
        for endpoint in endpoints:
            yield from of_endpoint(tools, endpoint, keeper.age)


def of_endpoint(tools: Tools, endpoint: UUID, age: timedelta) -> Iterator[Portion]:
    after: tuple[datetime | str, UUID] = ("-infinity", UUID(int=0))
    while True:
        given = {"endpoint": endpoint, "age": age, "created_at": after[0], "id": after[1], "window": WINDOW}
        with reading(tools.engine) as session:
            seen = session.connection().execute(LOOK, given).all()
        goes = [row for row in seen if row.goes]
        oldest = goes[0].created_at if goes else None
        yield Portion([row.id for row in goes], sum(row.size_bytes for row in goes), oldest)
        if len(seen) < WINDOW:
            return
        after = seen[-1].created_at, seen[-1].id


def remove_deliveries(tools: Tools, portion: Portion) -> Removed:
    with transaction(tools.engine) as session:
        sizes = session.connection().execute(REMOVE, {"ids": portion.items}).scalars().all()
    return Removed(len(sizes), sum(sizes))
