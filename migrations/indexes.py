"""Indexes of tables that are in use are made while others write to them."""

from typing import Any

from alembic import op

IN_THEIRS = (
    "in_their_transaction"  # attribute of the configuration: whoever migrates does so in a transaction of theirs
)


def add_index(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Make an index without holding up who writes. In a transaction of whoever migrates it is made within that, and
    holds them up: it is to be undone with it."""
    if is_in_theirs():
        op.create_index(name, table, columns, **options)
        return
    with op.get_context().autocommit_block():
        # One that was broken off leaves an index that is of no use, and in the way.
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)


def remove_index(name: str, table: str) -> None:
    """Take away an index, whose place another one has taken, without holding up who reads and writes; as `add_index`
    does in a transaction of whoever migrates."""
    if is_in_theirs():
        op.drop_index(name, table)
        return
    with op.get_context().autocommit_block():
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)


def is_in_theirs() -> bool:
    config = op.get_context().config
    return config is not None and bool(config.attributes.get(IN_THEIRS))
