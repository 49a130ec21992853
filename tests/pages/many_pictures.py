"""Ten thousand finished jobs in moments: rows of one that was made, again and again, over one thumbnail."""

from sqlalchemy import Connection, Engine, text

COLUMNS = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = :table"
    " AND is_generated = 'NEVER' AND identity_generation IS DISTINCT FROM 'ALWAYS'"
)
# Five minutes between two: ten thousand are a month, and so many days stand above them.
JOBS = """
INSERT INTO generation_jobs ({columns})
SELECT {values} FROM generation_jobs AS made, generate_series(1, :count) AS n,
LATERAL jsonb_populate_record(made, jsonb_build_object(
    'id', made.id + n, 'prompt', 'picture ' || n, 'idempotency_key', NULL,
    'comfyui_prompt_id', gen_random_uuid(), 'message_id', gen_random_uuid(),
    'created_at', made.created_at - n * interval '5 minutes')) AS copy
WHERE made.id = :job
"""
OUTPUTS = """
INSERT INTO job_outputs ({columns})
SELECT {values} FROM job_outputs AS made, generate_series(1, :count) AS n,
LATERAL jsonb_populate_record(made, jsonb_build_object(
    'job_id', made.job_id + n, 'path', made.path || '-' || n)) AS copy
WHERE made.job_id = :job
"""


def copy_job(engine: Engine, job: int, count: int) -> None:
    """Make `count` more finished jobs like one, with its outputs."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for table, statement in (("generation_jobs", JOBS), ("job_outputs", OUTPUTS)):
            names = columns_of(connection, table)
            values = ", ".join(f"copy.{name}" for name in names)
            filled = statement.format(columns=", ".join(names), values=values)
            connection.execute(text(filled), {"job": job, "count": count})
        connection.execute(text("SELECT setval('generation_jobs_id_seq', (SELECT max(id) FROM generation_jobs))"))


def columns_of(connection: Connection, table: str) -> list[str]:
    return list(connection.execute(COLUMNS, {"table": table}).scalars())
