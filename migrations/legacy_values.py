r"""What a value of the two old tables becomes in the one new table, and how it comes back: functions in SQL.

They live in `pg_temp`, so that the session takes them with it.
"""

# What a word means that is not one of its table's own, in lower case, trimmed, with _ for spaces and hyphens.
# A word that is not here, or none at all, means failed. Nobody works on moved rows: a cancel under way is done.
STATUS_WORDS = {
    "pending": ("pending", "queued", "enqueued", "waiting", "new", "created", "submitted", "scheduled"),
    "running": ("running", "processing", "started", "executing", "active", "in_progress"),
    "completed": ("completed", "complete", "done", "finished", "success", "succeeded", "successful"),
    "failed": ("failed", "failure", "error", "errored"),
    "cancelled": ("cancelled", "canceled", "cancelling", "canceling", "aborted", "revoked"),
}

WORD_CASES = "\n".join(
    f"        WHEN {', '.join(map(repr, words))} THEN RETURN '{status}';" for status, words in STATUS_WORDS.items()
)

FUNCTIONS = (
    rf"""
CREATE OR REPLACE FUNCTION pg_temp.status_of(word text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    CASE regexp_replace(regexp_replace(lower(word COLLATE "C"), '^\s+|\s+$', '', 'g'), '[\s-]+', '_', 'g')
{WORD_CASES}
        ELSE RETURN 'failed';
    END CASE;
END $$""",
    """
-- The value as jsonb, or NULL where jsonb refuses it.
CREATE OR REPLACE FUNCTION pg_temp.as_jsonb(value json) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN value::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN NULL;
END $$""",
    """
-- What the new column holds of a value: all of it, or where it has another shape, the column's default.
CREATE OR REPLACE FUNCTION pg_temp.shaped(shape text, value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    CASE shape
        WHEN 'object' THEN
            RETURN CASE WHEN jsonb_typeof(value) = 'object' THEN value ELSE '{}' END;
        WHEN 'objects' THEN
            RETURN CASE WHEN jsonb_typeof(value) = 'array'
                AND NOT jsonb_path_exists(value, 'strict $[*] ? (@.type() != "object")') THEN value ELSE '[]' END;
        WHEN 'nothing' THEN
            RETURN '[]';
    END CASE;
END $$""",
    """
CREATE OR REPLACE FUNCTION pg_temp.quotes(value text) RETURNS integer LANGUAGE sql AS $$
    SELECT length(value) - length(replace(value, '"', ''))
$$""",
    r"""
-- What `legacy` keeps of a JSON column: nothing, {}, where the new column holds it all. Of a key said twice jsonb
-- keeps the last: then quotes are missing. As one spelled \u0022 would make up for them, such a value is kept too.
CREATE OR REPLACE FUNCTION pg_temp.keep(name text, shape text, value json) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    held jsonb := pg_temp.as_jsonb(value);
    before text := value;
    after text := held;
BEGIN
    IF value IS NULL THEN
        RETURN jsonb_build_object(name, NULL);
    ELSIF held IS NULL OR after = 'null' OR pg_temp.quotes(before) <> pg_temp.quotes(after)
        OR strpos(before, '\u0022') > 0 THEN
        RETURN jsonb_build_object(name || '_text', before);
    ELSIF held <> pg_temp.shaped(shape, held) THEN
        RETURN jsonb_build_object(name, held);
    ELSE
        RETURN '{}';
    END IF;
END $$""",
    """
-- What `legacy` keeps of any other column.
CREATE OR REPLACE FUNCTION pg_temp.keep_if(lost boolean, name text, value jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE WHEN lost THEN jsonb_build_object(name, value) ELSE '{}' END
$$""",
    """
-- `keep` undone: the kept value, if the row still holds what was made of it; else what it holds now.
CREATE OR REPLACE FUNCTION pg_temp.put_back(name text, shape text, held jsonb, legacy jsonb)
RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    kept json := coalesce((legacy ->> (name || '_text'))::json, nullif(legacy -> name, 'null')::json);
BEGIN
    IF legacy ?| ARRAY[name, name || '_text'] AND pg_temp.shaped(shape, pg_temp.as_jsonb(kept)) = held THEN
        RETURN kept;
    END IF;
    RETURN held;
END $$""",
    """
-- The old word for a status, if it still means the row's status; else `own`, the table's own word for that.
CREATE OR REPLACE FUNCTION pg_temp.put_back_status(status text, own text, legacy jsonb)
RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN pg_temp.status_of(legacy ->> 'status') = status
        THEN coalesce(legacy ->> 'status', own) ELSE own END
$$""",
)
