"""Find jobs by metadata, words and labels among those of a user and of some days.

The indexes of metadata and prompts gave all jobs that a word is in, and a page of them cost more with each. Labels that
jobs ask for had no index. The new indexes serve older code as the ones before did, which therefore go.
"""

import sqlalchemy as sa
from alembic import op

from migrations.indexes import add_index, remove_index

revision = "days_of_what_is_found"
down_revision = "newest_failures"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ()

JOBS = "generation_jobs"
WORDS = sa.text("to_tsvector('simple', prompt)")
MARKS = sa.text("(ARRAY[uuid_hash(user_id), (created_at AT TIME ZONE 'UTC')::date - '2000-01-01'::date])")
SOME = "metadata <> '{}'::jsonb"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    add_index("ix_generation_jobs_find_metadata", JOBS, ["metadata", MARKS], **of_words(SOME))
    add_index("ix_generation_jobs_find_prompt", JOBS, [WORDS, MARKS], **of_words())
    add_index("ix_generation_jobs_find_labels", JOBS, ["requires", MARKS], **of_words("requires IS NOT NULL"))
    remove_index("ix_generation_jobs_metadata", JOBS)
    remove_index("ix_generation_jobs_prompt", JOBS)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    add_index("ix_generation_jobs_metadata", JOBS, ["metadata"], **of_words(SOME))
    add_index("ix_generation_jobs_prompt", JOBS, [WORDS], **of_words())
    for name in ("labels", "prompt", "metadata"):
        remove_index(f"ix_generation_jobs_find_{name}", JOBS)


def of_words(where: str | None = None) -> dict[str, str]:
    using = {"postgresql_using": "gin"}
    return using if where is None else {**using, "postgresql_where": where}
