"""Let one trigger take what is a job's, once for all jobs of a statement, in place of a foreign key for each table.

A foreign key looks into its table for each job that is deleted, whether there is anything or not: eight of them were
half of what PostgreSQL does to delete jobs. What refers to a job is written in the transaction that adds the job, or
under its lock, so there is none whose job is gone. Older code deletes the rows of a job first: then the trigger finds
none.
"""

from alembic import op

revision = "rows_that_go_with_jobs"
down_revision = "accepted_jobs"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ()

JOBS = "generation_jobs"
THEIRS = (
    *("job_events", "job_attempts", "job_outputs", "job_webhooks"),
    *("asset_uses", "native_prompts", "imported_jobs"),
)
# A plan for arrays of any length: it goes by the index of each table, and never through all of it.
FUNCTION = f"""
CREATE FUNCTION take_what_is_of_jobs() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    ids integer[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE {", ".join(THEIRS)};
        RETURN NULL;
    END IF;
    ids := ARRAY(SELECT id FROM gone ORDER BY id);
    IF cardinality(ids) > 0 THEN
        {"".join(f"DELETE FROM {table} WHERE job_id = ANY(ids);" for table in THEIRS)}
        UPDATE {JOBS} SET parent_id = NULL WHERE parent_id = ANY(ids);
    END IF;
    RETURN NULL;
END $$
"""
TRIGGERS = {
    "what_is_of_jobs_goes": f"AFTER DELETE ON {JOBS} REFERENCING OLD TABLE AS gone",
    "what_is_of_all_jobs_goes": f"AFTER TRUNCATE ON {JOBS}",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute(f"LOCK TABLE {JOBS}, {', '.join(THEIRS)} IN ACCESS EXCLUSIVE MODE")
    op.execute(FUNCTION)
    for name, when in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {when} FOR EACH STATEMENT EXECUTE FUNCTION take_what_is_of_jobs()")
    for table in THEIRS:
        op.drop_constraint(f"{table}_job_id_fkey", table)
    op.drop_constraint(f"{JOBS}_parent_id_fkey", JOBS)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute(f"LOCK TABLE {JOBS}, {', '.join(THEIRS)} IN ACCESS EXCLUSIVE MODE")
    for table in THEIRS:
        op.create_foreign_key(f"{table}_job_id_fkey", table, JOBS, ["job_id"], ["id"], ondelete="CASCADE")
    op.create_foreign_key(f"{JOBS}_parent_id_fkey", JOBS, JOBS, ["parent_id"], ["id"], ondelete="SET NULL")
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {JOBS}")
    op.execute("DROP FUNCTION take_what_is_of_jobs()")
