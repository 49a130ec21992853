"""Older code works on beside newer code on the newest schema, but for migrations that say why they need a stop.

A migration expands: what it adds, older code need not know. What no code uses any more, a later release removes.
"""

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from shared.database.schema import WORKS_SINCE

# The revisions before it were made without this rule.
SINCE = "embeddings"


def oldest_code(script: ScriptDirectory, revision: str) -> str:
    """The revision whose code is the oldest that works with the schema at this revision."""
    for one in script.iterate_revisions(revision, "base"):
        if one.revision == SINCE or getattr(one.module, "NEEDS_STOP", None):
            return one.revision
    return revision  # older than the rule: nothing is known of other code


def note_oldest_code(connection: Connection, script: ScriptDirectory) -> None:
    """Leave it where services look that do not know the revision: at the table of the revision."""
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None:
        noted = f"{WORKS_SINCE}{oldest_code(script, revision)}"
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{noted}'"))
