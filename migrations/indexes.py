"""Indexes of tables that are in use are made while others write to them."""

from typing import Any

from alembic import op

IN_THEIRS = (
    "in_their_transaction"  # attribute of the configuration: whoever migrates does so in a transaction of theirs
)


def add_index(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Make an index without holding up who writes. In a transaction of whoever migrates it is made within that, and
    holds them up: it is to be undone with it."""
    context = op.get_context()
    if context.config is not None and context.config.attributes.get(IN_THEIRS):
        op.create_index(name, table, columns, **options)
        return
    with context.autocommit_block():
        # One that was broken off leaves an index that is of no use, and in the way.
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)
