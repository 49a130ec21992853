"""A database as it is after a long time: any number of jobs of several users, with what belongs to them.

Made by PostgreSQL itself from numbers, so a million jobs take about half a minute. Which job has what follows from its
number alone: two databases of the same size hold the same.
"""

import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from tests.jobs import ANOTHER_USER, USER

USERS = (USER, ANOTHER_USER, *(UUID(int=number) for number in range(3, 11)))
CHECKPOINTS = ("sd15.safetensors", "sdxl.safetensors", "flux.safetensors", "rare.safetensors")
SPACING = "20 seconds"  # between two jobs


@dataclass(frozen=True)
class Population:
    """How many jobs there are to be. The newest of them wait (`queued`, `pending`) or run; the others have ended."""

    jobs: int
    queued: int = 500
    pending: int = 50
    running: int = 8
    outputs_of_every: int = 10  # every tenth completed job has its output's row, and its attempts and events


def populate(engine: Engine, population: Population) -> None:
    """Fill a database that has no jobs yet. Its users may be there."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        # VACUUM marks no page as visible to all whose rows are not safely committed.
        connection.execute(text("SET LOCAL synchronous_commit = on"))
        connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
        for user in USERS:
            connection.execute(
                text("INSERT INTO users (id, name) VALUES (:id, :name) ON CONFLICT DO NOTHING"),
                {"id": user, "name": f"user {user.int}"},
            )
        connection.execute(text("SET LOCAL work_mem = '64MB'"))
        # Checked and built once at the end, keys and indexes cost a fraction of what they do row by row.
        again = drop_keys(connection) + drop_indexes(connection)
        for statement in (JOBS, ATTEMPTS, EVENTS, OUTPUTS, DURATIONS, STATISTICS, STORED):
            connection.execute(text(statement), facts(population))
        for statement in again:
            connection.execute(text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        make_visible(connection)
        connection.execute(text("ANALYZE"))
        connection.invalidate()  # its statement_timeout goes with it


def make_visible(connection: Connection) -> None:
    """Have every page known as visible to all: plans are made with how many are.

    VACUUM leaves out what any transaction open at that instant may not see, and autovacuum's ANALYZE is one. With
    ANALYZE in the same statement it would count no page at all.
    """
    for _ in range(100):
        connection.execute(text("VACUUM"))
        hidden = connection.execute(text(HIDDEN)).all()
        if not hidden:
            return
        time.sleep(0.1)
    raise TimeoutError(f"after 100 times VACUUM some pages are not visible to all: {hidden}")


def facts(population: Population) -> dict[str, object]:
    return {
        **vars(population),
        "users": len(USERS),
        "user_ids": [str(user) for user in USERS],
        "checkpoints": list(CHECKPOINTS),
    }


def drop_keys(connection: Connection) -> list[str]:
    """Drop the keys of the tables of jobs, and those that refer to them, foreign ones first. Returns what makes each of
    them, foreign ones last."""
    found = connection.execute(text(KEYS)).all()
    for table, name, _ in found:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    return [f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}" for table, name, definition in reversed(found)]


def drop_indexes(connection: Connection) -> list[str]:
    """Drop the indexes of generation_jobs that are no keys. Returns what makes each of them."""
    found = connection.execute(text(INDEXES)).all()
    for name, _ in found:
        connection.execute(text(f"DROP INDEX {name}"))
    return [definition for _, definition in found]


HIDDEN = """
SELECT relname, relpages, relallvisible FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relallvisible < relpages
"""
KEYS = """
WITH filled AS (SELECT unnest(ARRAY[
    'generation_jobs'::regclass, 'job_attempts'::regclass, 'job_events'::regclass, 'job_outputs'::regclass
]) AS id)
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype IN ('f', 'p', 'u') AND (conrelid IN (SELECT id FROM filled) OR confrelid IN (SELECT id FROM filled))
ORDER BY contype, conname
"""
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'generation_jobs' AND indexname LIKE 'ix_%' ORDER BY indexname
"""

# n counts from the oldest, 1, to the newest, and ids with it: nothing here sorts. h is as good as drawn.
JOBS = f"""
INSERT INTO generation_jobs (
    user_id, job_type, status, prompt, checkpoint_model, width, height, batch_size, params, workflow_key, shape,
    work, expected_s, metadata, requires, priority, batch_id,
    run_after, attempt, events, worker_id, lease_expires_at, server, comfyui_prompt_id,
    error_code, error_message, failure, created_at, updated_at, started_at, generated_at, completed_at
)
SELECT
    (CAST(:user_ids AS uuid[]))[1 + least(h % 16, :users - 1)],
    CASE WHEN h % 50 = 0 THEN 'workflow' ELSE 'image' END,
    status,
    concat('a picture of a ', (ARRAY['cat', 'dog', 'lighthouse', 'fox'])[1 + h / 64 % 4], ' number ', n,
        CASE WHEN n % 5000 = 7 THEN ' with a zeppelin' END),
    (CAST(:checkpoints AS text[]))[CASE WHEN n % 4000 = 3 THEN 4 ELSE 1 + h % 3 END],
    832, 1216, 1,
    jsonb_build_object('seed', h, 'steps', 28),
    'key-' || h % 8,
    'shape-' || h % 4, 1e6, 13,
    CASE h / 256 % 4
        WHEN 0 THEN jsonb_build_object('project', 'p' || h % 200, 'shot', n % 3000)
        WHEN 1 THEN jsonb_build_object('project', 'p' || h % 200)
        ELSE '{{}}' END,
    CASE WHEN n % 5000 = 9 THEN ARRAY['a100', 'rare'] WHEN h % 200 = 5 THEN ARRAY['a100', 'nvlink'] END,
    CASE WHEN h % 10 = 0 THEN 7 ELSE 5 END,
    CASE WHEN h % 3 = 0 THEN md5('batch' || n / 40)::uuid END,
    CASE status WHEN 'pending' THEN now() + interval '1 hour' ELSE created_at END,
    CASE WHEN started THEN 1 ELSE 0 END,
    2 + started::int,
    CASE WHEN started THEN 'worker-' || h % 4 END,
    CASE status WHEN 'running' THEN now() + interval '30 seconds' END,
    CASE WHEN started THEN 'http://gpu-' || h % 4 END,
    CASE WHEN started THEN md5('prompt' || n)::uuid::text END,
    CASE status WHEN 'failed' THEN 'node_failed' END,
    CASE status WHEN 'failed' THEN 'node 3 (KSampler) failed: out of memory' END,
    CASE status WHEN 'failed' THEN lpad(to_hex(h % 16), 16, '0') END,
    created_at,
    created_at + interval '10 seconds',
    CASE WHEN started THEN created_at + interval '2 seconds' END,
    CASE status WHEN 'completed' THEN created_at + interval '2 seconds' + took END,
    CASE WHEN status IN ('completed', 'failed', 'cancelled', 'expired')
        THEN created_at + interval '2.2 seconds' + took END
FROM (
    SELECT *, status IN ('running', 'completed', 'failed') AS started, make_interval(secs => 3 + h % 997 / 50.0) AS took
    FROM (
        SELECT n, h, now() - (:jobs - n + 1) * interval '{SPACING}' AS created_at,
            CASE
                WHEN n > :jobs - :queued THEN 'queued'
                WHEN n > :jobs - :queued - :pending THEN 'pending'
                WHEN n > :jobs - :queued - :pending - :running THEN 'running'
                WHEN h % 100 < 4 THEN 'failed'
                WHEN h % 100 < 7 THEN 'cancelled'
                WHEN h % 100 < 8 THEN 'expired'
                ELSE 'completed' END AS status
        FROM (SELECT n, hashint4(n) & 2147483647 AS h FROM generate_series(1, :jobs) AS n) AS numbers
    ) AS jobs
) AS facts
"""

SOME = "FROM generation_jobs WHERE status = 'completed' AND id % :outputs_of_every = 0"
ATTEMPTS = f"""
INSERT INTO job_attempts
    (job_id, attempt, worker_id, server, comfyui_prompt_id, adopted, started_at, ended_at, outcome)
SELECT id, 1, worker_id, server, comfyui_prompt_id, false, started_at, completed_at, 'completed' {SOME}
"""
EVENTS = f"""
INSERT INTO job_events (job_id, sequence, type, attempt, created_at)
SELECT id, sequence, (ARRAY['queued', 'started', 'completed'])[sequence], sign(sequence - 1), created_at
FROM (SELECT id, created_at {SOME}) AS jobs CROSS JOIN generate_series(1, 3) AS sequence
"""
OUTPUTS = f"""
INSERT INTO job_outputs
    (job_id, number, kind, node_id, filename, path, media_type, size_bytes, sha256, width, height, thumbnails)
SELECT id, number, 'image', 'save', 'job-' || id || '-' || number || '.png',
    concat_ws('/', user_id, to_char(created_at, 'YYYY/MM/DD'), id, 1, number || '.png'), 'image/png', 1000 + id % 100,
    repeat('0', 64), 832, 1216, '{{"150": {{"path": "x", "width": 103, "height": 150, "size_bytes": 9}}}}'
FROM (SELECT * {SOME}) AS jobs CROSS JOIN generate_series(0, 1) AS number
"""
DURATIONS = """
INSERT INTO job_durations (workflow_key, server, shape, checkpoint_model, work, seconds, jobs, seen_on)
SELECT 'key-' || number, 'http://gpu-' || server, 'shape-' || number % 4, 'checkpoint-' || number % 9, 1e6,
    array_fill(CAST(13 AS real), ARRAY[24]), 24, CURRENT_DATE - number % 90
FROM generate_series(0, 999) AS number CROSS JOIN generate_series(0, 3) AS server
"""
# In the order of days, in which they come to be: else they lie as PostgreSQL happens to group them.
STATISTICS = """
INSERT INTO job_statistics (user_id, day, status, bucket, jobs)
SELECT user_id, (created_at AT TIME ZONE 'UTC')::date, status,
    CASE WHEN started_at IS NULL THEN -1
        ELSE floor(ln(extract(epoch FROM completed_at - started_at)::double precision * 1000) / ln(1.1)) END,
    count(*)
FROM generation_jobs WHERE status IN ('completed', 'failed', 'cancelled', 'expired') GROUP BY 1, 2, 3, 4
ORDER BY 2
"""
STORED = """
UPDATE users SET stored_bytes = stored.bytes FROM (
    SELECT user_id, sum(size_bytes) AS bytes
    FROM job_outputs JOIN generation_jobs ON generation_jobs.id = job_id GROUP BY user_id
) AS stored WHERE users.id = stored.user_id
"""
