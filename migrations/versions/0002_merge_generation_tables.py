r"""Merge comfyui_generation_requests into generation_jobs, and lose no value on the way.

generation_jobs is altered in place and keeps its ids: what refers to it, or may read it, stays as it is. Requests
become rows of it, with new ids above those in the order of their old ones, which stay in `legacy_request_id`.

The column `legacy` keeps, under the name of the old column, every value that the new row cannot hold as it was. It
is NULL where there is none. Its keys:

- `status`: the old word, where it is not one of its table's own
- `parameters` and `sampler_params` that are no object, `lora_models` that is no list of objects
- `output_paths`, `thumbnail_paths`: unless they are the default `[]`
- `width`, `height`, `batch_size` that the new CHECKs refuse
- with the value null, any column that was NULL where the new one wants a value
- `parameters_text`, and so on: the text of a JSON column, as a string, where jsonb refuses it (\u0000, half a
  surrogate pair, a number beyond numeric), where jsonb would keep less of it (a key said twice), and for JSON's null

Spacing, the order of keys and the spelling of escapes and numbers are not values: they are not kept.

Rows that are moved get no `run_after` from the next revision: whatever their status says, none is ever started.

Down again, former requests and every job that names a checkpoint become requests; the others stay jobs. What was
kept is put back where the row still holds what the merge had made of it, except a NULL that the documented tables
do not allow. Lost is what those have no column for: of a new request its job_type, content_id and message_id, of a
new job its prompt in ComfyUI, sizes, LoRAs and paths. The ids of both tables continue above those there are, both ways.
Which job became which request is kept in a schema of its own, so that each has its id again on the way up.

Each way is one transaction of set-based statements that holds ACCESS EXCLUSIVE locks on both tables to its end:
nobody reads or writes jobs meanwhile. A million rows in each take two minutes up and one down, on two cores.

A database may have jsonb for json, and timestamps with a zone; these are taken as well.
"""

import logging

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

from migrations.legacy_tables import KEPT, create_comfyui_generation_requests
from migrations.legacy_values import FUNCTIONS

revision = "merge_generation_tables"
down_revision = "0001_legacy_tables"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.message_id",)

log = logging.getLogger("alembic.runtime.migration")

# Each table's own words for a status; what others mean is said in migrations/legacy_values.py.
JOBS_OWN_WORDS = "('pending', 'running', 'completed', 'failed', 'cancelled')"
REQUESTS_OWN_WORDS = "('pending', 'processing', 'completed', 'failed', 'cancelled')"

SIZES = {"width": 16384, "height": 16384, "batch_size": 4096}

# The values for columns that were NULL where the new ones want a value.
NO_USER = "'00000000-0000-0000-0000-000000000000'::uuid"
NO_JOB_TYPE = "'image'"
NO_PROMPT = "''"
CREATED_AT = "coalesce(created_at, updated_at, started_at, completed_at, now() AT TIME ZONE 'UTC')"
UPDATED_AT = "coalesce(updated_at, completed_at, started_at, created_at, now() AT TIME ZONE 'UTC')"


def upgrade() -> None:
    lock("generation_jobs", "comfyui_generation_requests")
    refuse_unknown_columns()
    execute(*FUNCTIONS)
    execute(ADD_COLUMNS, KEEP_WHAT_JOBS_WILL_NOT_HOLD, CONVERT_JOBS, WANT_VALUES, *RENAME_COLUMNS)
    execute(*KNOW_NO_IDS, MOVE_REQUESTS, "DROP TABLE comfyui_generation_requests", CONTINUE_JOB_IDS)
    execute(f"DROP SCHEMA {KEPT} CASCADE")
    constrain()
    report()


def downgrade() -> None:
    lock("generation_jobs")
    execute(*FUNCTIONS)
    create_comfyui_generation_requests()
    execute(*KNOW_NO_IDS, KEEP_IDS, MOVE_REQUESTS_BACK, DELETE_MOVED, CONTINUE_REQUEST_IDS)
    execute(ALLOW_ANY_STATUS, PUT_BACK_STATUSES, CONVERT_JOBS_BACK, *RENAME_COLUMNS_BACK, DROP_COLUMNS)
    report_back()


def lock(*tables: str) -> None:
    """Keep everyone else away until the end. Behind someone who stays it gives up, or all others would queue too."""
    execute("SET LOCAL lock_timeout = '30s'", f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
    execute("SET LOCAL timezone = 'UTC'")


def execute(*statements: str) -> None:
    for statement in statements:
        op.execute(statement)


def refuse_unknown_columns() -> None:
    """The table of requests is dropped: what is in a column that this merge does not know would be lost."""
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("comfyui_generation_requests")}
    if unknown := sorted(columns - REQUEST_COLUMNS):
        raise CommandError(
            f"comfyui_generation_requests has columns that this merge would lose: {', '.join(unknown)}. "
            "Move them elsewhere or drop them, and upgrade again."
        )


def constrain() -> None:
    op.create_unique_constraint(None, "generation_jobs", ["comfyui_prompt_id"])
    op.create_unique_constraint(None, "generation_jobs", ["legacy_request_id"])
    # Operators: the job that a message in a log or in Redis was sent for.
    op.create_index("ix_generation_jobs_message_id", "generation_jobs", ["message_id"])
    op.create_check_constraint("status_known", "generation_jobs", f"status IN {JOBS_OWN_WORDS}")
    for size, largest in SIZES.items():
        op.create_check_constraint(f"{size}_range", "generation_jobs", f"{size} BETWEEN 1 AND {largest}")


# -- Up ---------------------------------------------------------------------------------------------------------------

ADD_COLUMNS = """
ALTER TABLE generation_jobs
    ADD COLUMN negative_prompt text,
    ADD COLUMN checkpoint_model varchar(255),
    ADD COLUMN lora_models jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN width integer,
    ADD COLUMN height integer,
    ADD COLUMN batch_size integer,
    ADD COLUMN message_id varchar(64),
    ADD COLUMN comfyui_prompt_id varchar(255),
    ADD COLUMN legacy_request_id integer,
    ADD COLUMN legacy jsonb
"""

# Of either table.
KEPT_NULLS = """
        pg_temp.keep_if(user_id IS NULL, 'user_id', NULL)
        || pg_temp.keep_if(prompt IS NULL, 'prompt', NULL)
        || pg_temp.keep_if(created_at IS NULL, 'created_at', NULL)
        || pg_temp.keep_if(updated_at IS NULL, 'updated_at', NULL)
""".strip()

# Only the rows with something to keep are written here.
KEEP_WHAT_JOBS_WILL_NOT_HOLD = f"""
WITH kept AS (
    SELECT id, nullif(
        {KEPT_NULLS}
        || pg_temp.keep_if(job_type IS NULL, 'job_type', NULL)
        || pg_temp.keep_if(status IN {JOBS_OWN_WORDS} IS NOT TRUE, 'status', to_jsonb(status))
        || pg_temp.keep('parameters', 'object', parameters::json), '{{}}') AS legacy
    FROM generation_jobs
)
UPDATE generation_jobs AS job
SET legacy = kept.legacy,
    user_id = coalesce(user_id, {NO_USER}),
    job_type = coalesce(job_type, {NO_JOB_TYPE}),
    prompt = coalesce(prompt, {NO_PROMPT}),
    status = pg_temp.status_of(status),
    created_at = {CREATED_AT},
    updated_at = {UPDATED_AT}
FROM kept
WHERE kept.id = job.id AND kept.legacy IS NOT NULL
"""

# Times without a zone are UTC. One pass over the table.
CONVERT_JOBS = """
ALTER TABLE generation_jobs
    ALTER COLUMN parameters DROP DEFAULT,
    ALTER COLUMN parameters TYPE jsonb USING pg_temp.shaped('object', pg_temp.as_jsonb(parameters::json)),
    ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC',
    ALTER COLUMN updated_at TYPE timestamptz USING updated_at AT TIME ZONE 'UTC',
    ALTER COLUMN started_at TYPE timestamptz USING started_at AT TIME ZONE 'UTC',
    ALTER COLUMN completed_at TYPE timestamptz USING completed_at AT TIME ZONE 'UTC'
"""

WANT_VALUES = """
ALTER TABLE generation_jobs
    ALTER COLUMN user_id SET NOT NULL,
    ALTER COLUMN job_type SET NOT NULL,
    ALTER COLUMN prompt SET NOT NULL,
    ALTER COLUMN status SET NOT NULL,
    ALTER COLUMN status DROP DEFAULT,
    ALTER COLUMN parameters SET NOT NULL,
    ALTER COLUMN parameters SET DEFAULT '{}',
    ALTER COLUMN created_at SET NOT NULL,
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN updated_at SET NOT NULL,
    ALTER COLUMN updated_at SET DEFAULT now()
"""

RENAME_COLUMNS = (
    "ALTER TABLE generation_jobs RENAME COLUMN parameters TO params",
    "ALTER TABLE generation_jobs RENAME COLUMN result_content_id TO content_id",
)

REQUEST_COLUMNS = {
    *("id", "user_id", "prompt", "negative_prompt", "checkpoint_model", "lora_models", *SIZES, "sampler_params"),
    *("status", "comfyui_prompt_id", "output_paths", "thumbnail_paths", "error_message"),
    *("created_at", "updated_at", "started_at", "completed_at"),
}


def fits(size: str) -> str:
    return f"{size} BETWEEN 1 AND {SIZES[size]}"


# The ids that jobs had before the way down, by the id of the request each became.
KNOW_NO_IDS = (
    f"CREATE SCHEMA IF NOT EXISTS {KEPT}",
    f"CREATE TABLE IF NOT EXISTS {KEPT}.job_ids (request_id integer PRIMARY KEY, job_id integer NOT NULL UNIQUE)",
)
MOVE_REQUESTS = f"""
INSERT INTO generation_jobs (
    id, legacy_request_id, user_id, job_type, status,
    prompt, negative_prompt, checkpoint_model, lora_models, width, height, batch_size, params,
    comfyui_prompt_id, error_message,
    created_at, updated_at, started_at, completed_at,
    legacy)
OVERRIDING SYSTEM VALUE
SELECT
    coalesce(kept.job_id,
        (SELECT greatest(max(id), (SELECT max(job_id) FROM {KEPT}.job_ids), 0) FROM generation_jobs)
        + row_number() OVER (PARTITION BY kept.job_id IS NULL ORDER BY id)), id,
    coalesce(user_id, {NO_USER}), 'image', pg_temp.status_of(status),
    coalesce(prompt, {NO_PROMPT}), negative_prompt, checkpoint_model,
    pg_temp.shaped('objects', pg_temp.as_jsonb(lora_models::json)),
    CASE WHEN {fits("width")} THEN width END,
    CASE WHEN {fits("height")} THEN height END,
    CASE WHEN {fits("batch_size")} THEN batch_size END,
    pg_temp.shaped('object', pg_temp.as_jsonb(sampler_params::json)),
    comfyui_prompt_id, error_message,
    {CREATED_AT} AT TIME ZONE 'UTC', {UPDATED_AT} AT TIME ZONE 'UTC',
    started_at AT TIME ZONE 'UTC', completed_at AT TIME ZONE 'UTC',
    nullif(
        {KEPT_NULLS}
        || pg_temp.keep_if(status IN {REQUESTS_OWN_WORDS} IS NOT TRUE, 'status', to_jsonb(status))
        || pg_temp.keep_if(NOT {fits("width")}, 'width', to_jsonb(width))
        || pg_temp.keep_if(NOT {fits("height")}, 'height', to_jsonb(height))
        || pg_temp.keep_if(NOT {fits("batch_size")}, 'batch_size', to_jsonb(batch_size))
        || pg_temp.keep('lora_models', 'objects', lora_models::json)
        || pg_temp.keep('sampler_params', 'object', sampler_params::json)
        || pg_temp.keep('output_paths', 'nothing', output_paths::json)
        || pg_temp.keep('thumbnail_paths', 'nothing', thumbnail_paths::json), '{{}}')
FROM comfyui_generation_requests LEFT JOIN {KEPT}.job_ids AS kept ON kept.request_id = id
ORDER BY id
"""


def continue_ids(table: str) -> str:
    """The next id is above all that are there; where more were given out already, above those."""
    sequence = f"pg_get_serial_sequence('{table}', 'id')"
    return f"""
        SELECT setval({sequence}, max(id)) FROM {table}
        HAVING max(id) > coalesce(pg_sequence_last_value({sequence}::regclass), 0)
    """


CONTINUE_JOB_IDS = continue_ids("generation_jobs")

# -- What was done ----------------------------------------------------------------------------------------------------

# A rule, and the rows it was applied to, as they were written.
RULES = {
    "jobs that kept their ids": "legacy_request_id IS NULL",
    "requests that became jobs": "legacy_request_id IS NOT NULL",
    "requests that were 'processing', now 'running'": "legacy_request_id IS NOT NULL AND status = 'running' "
    "AND legacy ? 'status' IS NOT TRUE",
    "rows without a user_id, now all zeros": "legacy ? 'user_id'",
    "rows without a job_type, now 'image'": "legacy ? 'job_type'",
    "rows without a prompt, now empty": "legacy ? 'prompt'",
    "rows without a created_at, now another of their times, or else now": "legacy ? 'created_at'",
    "rows without an updated_at, now another of their times, or else now": "legacy ? 'updated_at'",
    **{f"rows with a {size} outside 1..{largest}, now NULL": f"legacy ? '{size}'" for size, largest in SIZES.items()},
    "rows with parameters that are NULL or no object, now {}": "legacy ? 'parameters'",
    "rows with sampler_params that are no object, now {}": "legacy ? 'sampler_params'",
    "rows with lora_models that are no list of objects, now []": "legacy ? 'lora_models'",
    "rows with output_paths, now in legacy": "legacy ?| ARRAY['output_paths', 'output_paths_text']",
    "rows with thumbnail_paths, now in legacy": "legacy ?| ARRAY['thumbnail_paths', 'thumbnail_paths_text']",
    "rows with JSON that is null or that jsonb does not hold whole, its text now in legacy": "legacy ?| ARRAY["
    "'parameters_text', 'sampler_params_text', 'lora_models_text', 'output_paths_text', 'thumbnail_paths_text']",
}
# The old words for each status that were not the table's own, with the number of rows that said them.
STATUSES = """
SELECT status, sum(rows), string_agg(word || ' (' || rows || ')', ', ' ORDER BY word COLLATE "C")
FROM (
    SELECT status, (legacy -> 'status')::text AS word, count(*) AS rows
    FROM generation_jobs WHERE legacy ? 'status' GROUP BY status, word
) AS words
GROUP BY status ORDER BY status COLLATE "C"
"""


def report() -> None:
    connection = op.get_bind()
    counts = ", ".join(f"count(*) FILTER (WHERE {applied})" for applied in RULES.values())
    row = connection.execute(sa.text(f"SELECT {counts} FROM generation_jobs")).one()
    for rule, count in zip(RULES, row, strict=True):
        if count:
            log.info("Merge: %s: %d", rule, count)
    for status, count, words in connection.execute(sa.text(STATUSES)):
        log.info("Merge: rows with another word, now '%s': %d: %s", status, count, words)


# -- Down -------------------------------------------------------------------------------------------------------------

BECOMES_A_REQUEST = "(legacy_request_id IS NOT NULL OR checkpoint_model IS NOT NULL)"

REQUEST_ID = """coalesce(legacy_request_id, greatest(max(legacy_request_id) OVER (), 0)
        + row_number() OVER (PARTITION BY legacy_request_id IS NULL ORDER BY id))"""
KEEP_IDS = f"""
INSERT INTO {KEPT}.job_ids (request_id, job_id)
SELECT {REQUEST_ID}, id FROM generation_jobs WHERE {BECOMES_A_REQUEST}
"""
# Where a job has no size, the former system's default stands in: its column wants one.
MOVE_REQUESTS_BACK = f"""
INSERT INTO comfyui_generation_requests (
    id,
    user_id, prompt, negative_prompt, checkpoint_model, lora_models,
    width, height, batch_size,
    sampler_params, status,
    comfyui_prompt_id, output_paths, thumbnail_paths, error_message,
    created_at, updated_at, started_at, completed_at)
SELECT
    {REQUEST_ID},
    user_id, prompt, negative_prompt, coalesce(checkpoint_model, ''),
    coalesce(pg_temp.put_back('lora_models', 'objects', lora_models, legacy), '[]'),
    coalesce(width, (legacy ->> 'width')::integer, 832),
    coalesce(height, (legacy ->> 'height')::integer, 1216),
    coalesce(batch_size, (legacy ->> 'batch_size')::integer, 1),
    coalesce(pg_temp.put_back('sampler_params', 'object', params, legacy), '{{}}'),
    pg_temp.put_back_status(status, CASE status WHEN 'running' THEN 'processing' ELSE status END, legacy),
    comfyui_prompt_id,
    coalesce(pg_temp.put_back('output_paths', 'nothing', '[]', legacy), '[]'),
    coalesce(pg_temp.put_back('thumbnail_paths', 'nothing', '[]', legacy), '[]'),
    error_message,
    created_at AT TIME ZONE 'UTC', updated_at AT TIME ZONE 'UTC',
    started_at AT TIME ZONE 'UTC', completed_at AT TIME ZONE 'UTC'
FROM generation_jobs
WHERE {BECOMES_A_REQUEST}
ORDER BY 1
"""

DELETE_MOVED = f"DELETE FROM generation_jobs WHERE {BECOMES_A_REQUEST}"

CONTINUE_REQUEST_IDS = continue_ids("comfyui_generation_requests")

ALLOW_ANY_STATUS = "ALTER TABLE generation_jobs DROP CONSTRAINT status_known"

PUT_BACK_STATUSES = """
UPDATE generation_jobs SET status = pg_temp.put_back_status(status, status, legacy) WHERE legacy ? 'status'
"""

CONVERT_JOBS_BACK = """
ALTER TABLE generation_jobs
    ALTER COLUMN params DROP DEFAULT,
    ALTER COLUMN params DROP NOT NULL,
    ALTER COLUMN params TYPE json USING pg_temp.put_back('parameters', 'object', params, legacy),
    ALTER COLUMN status SET DEFAULT 'pending',
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN updated_at DROP DEFAULT,
    ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC',
    ALTER COLUMN updated_at TYPE timestamp USING updated_at AT TIME ZONE 'UTC',
    ALTER COLUMN started_at TYPE timestamp USING started_at AT TIME ZONE 'UTC',
    ALTER COLUMN completed_at TYPE timestamp USING completed_at AT TIME ZONE 'UTC'
"""

RENAME_COLUMNS_BACK = (
    "ALTER TABLE generation_jobs RENAME COLUMN params TO parameters",
    "ALTER TABLE generation_jobs RENAME COLUMN content_id TO result_content_id",
)

# Their indexes and CHECKs go with them.
DROP_COLUMNS = """
ALTER TABLE generation_jobs
    DROP COLUMN negative_prompt,
    DROP COLUMN checkpoint_model,
    DROP COLUMN lora_models,
    DROP COLUMN width,
    DROP COLUMN height,
    DROP COLUMN batch_size,
    DROP COLUMN message_id,
    DROP COLUMN comfyui_prompt_id,
    DROP COLUMN legacy_request_id,
    DROP COLUMN legacy
"""


def report_back() -> None:
    for table in ("generation_jobs", "comfyui_generation_requests"):
        count = op.get_bind().scalar(sa.text(f"SELECT count(*) FROM {table}"))
        log.info("Merge undone: rows of %s: %d", table, count)
