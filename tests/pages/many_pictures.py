"""Ten thousand finished jobs in moments: rows of one that was made, again and again, over one thumbnail."""

from datetime import timedelta

from sqlalchemy import Connection, Engine, text

COLUMNS = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = :table"
    " AND is_generated = 'NEVER' AND identity_generation IS DISTINCT FROM 'ALWAYS'"
)
JOBS = """
INSERT INTO generation_jobs ({columns})
SELECT {values} FROM generation_jobs AS made, generate_series(1, :count) AS n,
LATERAL jsonb_populate_record(made, jsonb_build_object(
    'id', made.id + :far + n, 'prompt', made.prompt || ', ' || n, 'idempotency_key', NULL,
    'comfyui_prompt_id', gen_random_uuid(), 'message_id', gen_random_uuid(),
    'created_at', made.created_at - n * CAST(:apart AS interval),
    'started_at', made.started_at - n * CAST(:apart AS interval),
    'completed_at', made.completed_at - n * CAST(:apart AS interval))) AS copy
WHERE made.id = :job
"""
OUTPUTS = """
INSERT INTO job_outputs ({columns})
SELECT {values} FROM job_outputs AS made, generate_series(1, :count) AS n,
LATERAL jsonb_populate_record(made, jsonb_build_object(
    'job_id', made.job_id + :far + n, 'path', made.path || '-' || n)) AS copy
WHERE made.job_id = :job
"""


# Ten thousand are a month with it, and so many days stand above them.
APART = timedelta(minutes=5)


def copy_job(engine: Engine, job: int, count: int, *, far: int = 0, apart: timedelta = APART) -> None:
    """Make `count` more finished jobs like one, with its outputs: each older than the one before, with an id behind
    that of the job and `far`."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for table, statement in (("generation_jobs", JOBS), ("job_outputs", OUTPUTS)):
            names = columns_of(connection, table)
            values = ", ".join(f"copy.{name}" for name in names)
            filled = statement.format(columns=", ".join(names), values=values)
            given = {"job": job, "count": count, "far": far, "apart": apart}
            connection.execute(text(filled), {name: value for name, value in given.items() if f":{name}" in filled})
        connection.execute(text("SELECT setval('generation_jobs_id_seq', (SELECT max(id) FROM generation_jobs))"))


def columns_of(connection: Connection, table: str) -> list[str]:
    return list(connection.execute(COLUMNS, {"table": table}).scalars())
