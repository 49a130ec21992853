-- insert_jobs: Record any number of jobs, with the first event of each.
-- Written by `make sql`.

WITH
    new_jobs AS (
        SELECT
            given.user_id AS user_id,
            given.job_type AS job_type,
            given.status AS status,
            given.prompt AS prompt,
            given.negative_prompt AS negative_prompt,
            given.checkpoint_model AS checkpoint_model,
            given.lora_models AS lora_models,
            given.width AS width,
            given.height AS height,
            given.batch_size AS batch_size,
            given.params AS params,
            given.output_nodes AS output_nodes,
            given.temp_outputs AS temp_outputs,
            given.requires AS requires,
            given.workflow AS workflow,
            given.assets AS assets,
            given.extra_pnginfo AS extra_pnginfo,
            given.secrets AS secrets,
            given.secret_names AS secret_names,
            given.workflow_key AS workflow_key,
            given.shape AS shape,
            given.work AS work,
            given.metadata AS metadata,
            given.priority AS priority,
            given.turn AS turn,
            given.turn_cost AS turn_cost,
            given.parked AS parked,
            given.expected_s AS expected_s,
            given.deadline_at AS deadline_at,
            given.max_attempts AS max_attempts,
            given.parent_id AS parent_id,
            given.batch_id AS batch_id,
            given.schedule_id AS schedule_id,
            given.key_id AS key_id,
            given.idempotency_key AS idempotency_key,
            given.request_digest AS request_digest,
            given.request_id AS request_id,
            given.traceparent AS traceparent,
            given.message_id AS message_id,
            given.run_after AS run_after,
            given.attempt AS attempt,
            given.claims_left AS claims_left,
            given.events AS events,
            given.retries AS retries,
            given.worker_id AS worker_id,
            given.lease_expires_at AS lease_expires_at,
            given.server AS server,
            given.comfyui_prompt_id AS comfyui_prompt_id,
            given.avoid_server AS avoid_server,
            given.error_code AS error_code,
            given.error_message AS error_message,
            given.error_details AS error_details,
            given.failure AS failure,
            given.warnings AS warnings,
            given.pinned AS pinned,
            given.content_id AS content_id,
            given.legacy_request_id AS legacy_request_id,
            given.legacy AS legacy,
            given.created_at AS created_at,
            given.updated_at AS updated_at,
            given.started_at AS started_at,
            given.generated_at AS generated_at,
            given.completed_at AS completed_at,
            given.storage_away_since AS storage_away_since,
            given.ordinality AS ordinality
        FROM jsonb_populate_recordset(NULL::generation_jobs, CAST (:new_jobs AS JSONB))
        WITH ORDINALITY AS given
    ),
    accepted_jobs AS (
        SELECT new_jobs.user_id AS user_id, coalesce(new_jobs.priority, 5) AS priority, count(*) AS jobs
        FROM new_jobs
        GROUP BY new_jobs.user_id, coalesce(new_jobs.priority, 5)
    ),
    queued_jobs AS (
        SELECT
            new_jobs.ordinality AS number,
            new_jobs.user_id AS user_id,
            coalesce(new_jobs.priority, 5) AS priority,
            new_jobs.workflow_key AS workflow_key,
            new_jobs.shape AS shape,
            new_jobs.checkpoint_model AS checkpoint_model,
            new_jobs.work AS work
        FROM new_jobs
        WHERE new_jobs.status = 'queued'
    ),
    kinds AS (
        SELECT
            DISTINCT ON (queued_jobs.workflow_key) queued_jobs.workflow_key AS workflow_key,
            queued_jobs.shape AS shape,
            queued_jobs.checkpoint_model AS checkpoint_model,
            queued_jobs.work AS work
        FROM queued_jobs
        WHERE queued_jobs.workflow_key IS NOT NULL
    ),
    usual AS (
        SELECT
            kinds.workflow_key AS workflow_key,
            coalesce(
                (
                    SELECT exp(percentile_cont(0.5) WITHIN GROUP (ORDER BY ln(each.time))) AS exp_1
                    FROM (
                        SELECT job_durations.work AS work, job_durations.seconds AS seconds
                        FROM job_durations
                        WHERE job_durations.workflow_key = kinds.workflow_key
                        ORDER BY job_durations.seen_on DESC
                        LIMIT 16
                    ) AS latest
                    JOIN unnest(latest.seconds) AS each(time) ON true
                ),
                (
                    SELECT
                        exp(
                            percentile_cont(0.5) WITHIN GROUP (
                                ORDER BY ln(
                                    each.time * least(greatest(kinds.work / CAST (latest.work AS FLOAT), 0.0625), 16.0)
                                )
                            )
                        ) AS exp_2
                    FROM (
                        SELECT job_durations.work AS work, job_durations.seconds AS seconds
                        FROM job_durations
                        WHERE job_durations.shape = kinds.shape
                        ORDER BY job_durations.seen_on DESC
                        LIMIT 16
                    ) AS latest
                    JOIN unnest(latest.seconds) AS each(time) ON true
                ),
                (
                    SELECT
                        exp(
                            percentile_cont(0.5) WITHIN GROUP (
                                ORDER BY ln(
                                    each.time * least(greatest(kinds.work / CAST (latest.work AS FLOAT), 0.0625), 16.0)
                                )
                            )
                        ) AS exp_3
                    FROM (
                        SELECT job_durations.work AS work, job_durations.seconds AS seconds
                        FROM job_durations
                        WHERE job_durations.checkpoint_model = kinds.checkpoint_model
                        ORDER BY job_durations.seen_on DESC
                        LIMIT 16
                    ) AS latest
                    JOIN unnest(latest.seconds) AS each(time) ON true
                ),
                (
                    SELECT
                        exp(
                            percentile_cont(0.5) WITHIN GROUP (
                                ORDER BY ln(
                                    each.time * least(greatest(kinds.work / CAST (latest.work AS FLOAT), 0.0625), 16.0)
                                )
                            )
                        ) AS exp_4
                    FROM (
                        SELECT job_durations.work AS work, job_durations.seconds AS seconds
                        FROM job_durations
                        ORDER BY job_durations.seen_on DESC
                        LIMIT 16
                    ) AS latest
                    JOIN unnest(latest.seconds) AS each(time) ON true
                )
            ) AS seconds
        FROM kinds
    ),
    costed AS (
        SELECT
            queued_jobs.number AS number,
            queued_jobs.user_id AS user_id,
            queued_jobs.priority AS priority,
            least(greatest(coalesce(usual.seconds, 10.0), 0.1), 3600.0) AS seconds,
            least(greatest(coalesce(usual.seconds, 10.0), 0.1), 3600.0) / CAST (
                (
                    SELECT users.weight
                    FROM users
                    WHERE users.id = queued_jobs.user_id
                ) AS FLOAT
            ) AS cost
        FROM queued_jobs
        LEFT OUTER JOIN usual ON usual.workflow_key = queued_jobs.workflow_key
    ),
    lanes AS (
        SELECT
            costed.user_id AS user_id,
            costed.priority AS priority,
            sum(costed.cost) AS cost,
            greatest(
                coalesce(
                    (
                        SELECT max(generation_jobs_1.turn) AS max_1
                        FROM generation_jobs AS generation_jobs_1
                        WHERE
                            generation_jobs_1.status IN ('running', 'cancelling')
                            AND generation_jobs_1.priority = costed.priority
                    ),
                    0.0
                ),
                coalesce(
                    (
                        SELECT max(user_turns.clock) AS max_2
                        FROM user_turns
                        WHERE user_turns.priority = costed.priority
                    ),
                    0.0
                ),
                CASE WHEN (
                    (
                        SELECT generation_jobs_2.id
                        FROM generation_jobs AS generation_jobs_2
                        WHERE
                            generation_jobs_2.status = 'queued'
                            AND NOT generation_jobs_2.parked
                            AND generation_jobs_2.priority = costed.priority
                        ORDER BY generation_jobs_2.turn, generation_jobs_2.id
                        LIMIT 1
                    ) IS NULL
                ) THEN coalesce(
                    (
                        SELECT max(user_turns.finish) AS max_3
                        FROM user_turns
                        WHERE user_turns.priority = costed.priority
                    ),
                    0.0
                ) ELSE 0.0 END
            ) AS clock
        FROM costed
        WHERE :is_fair
        GROUP BY costed.user_id, costed.priority
    ),
    advanced AS (
        INSERT INTO user_turns(user_id, priority, finish, clock, accepted)
        SELECT
            accepted_jobs.user_id AS user_id,
            accepted_jobs.priority AS priority,
            coalesce(lanes.clock + lanes.cost, 0.0) AS coalesce_1,
            coalesce(lanes.clock, 0.0) AS coalesce_3,
            accepted_jobs.jobs AS jobs
        FROM accepted_jobs
        LEFT OUTER JOIN lanes ON lanes.user_id = accepted_jobs.user_id AND lanes.priority = accepted_jobs.priority
        WHERE :is_fair
        ORDER BY accepted_jobs.user_id, accepted_jobs.priority ON CONFLICT (user_id, priority) DO
        UPDATE
        SET
            finish = ((greatest(user_turns.finish, excluded.clock) + excluded.finish) - excluded.clock),
            clock = greatest(user_turns.clock, excluded.clock),
            accepted = (user_turns.accepted + excluded.accepted)
        RETURNING user_turns.user_id, user_turns.priority, user_turns.finish
    ),
    spaces AS (
        SELECT
            joined.user_id AS user_id,
            joined.priority AS priority,
            CASE WHEN (
                (
                    SELECT generation_jobs.id
                    FROM generation_jobs
                    WHERE
                        generation_jobs.status = 'queued'
                        AND generation_jobs.parked
                        AND generation_jobs.user_id = joined.user_id
                        AND generation_jobs.priority = joined.priority
                    ORDER BY
                        generation_jobs.user_id, generation_jobs.priority, generation_jobs.turn,
                        generation_jobs.id
                    LIMIT 1
                ) IS NOT NULL
                OR (
                    EXISTS (
                        SELECT *
                        FROM pauses
                        WHERE pauses.user_id = joined.user_id
                    )
                )
            ) THEN 0 WHEN (
                coalesce(
                    (
                        SELECT users.running_jobs_limit
                        FROM users
                        WHERE users.id = joined.user_id
                    ),
                    CAST (:most_running AS INTEGER)
                ) IS NULL
            ) THEN NULL ELSE 100 - (
                SELECT count(*) AS count_1
                FROM (
                    SELECT 1 AS one
                    FROM generation_jobs
                    WHERE
                        generation_jobs.status = 'queued'
                        AND NOT generation_jobs.parked
                        AND generation_jobs.user_id = joined.user_id
                        AND generation_jobs.priority >= joined.priority
                        AND generation_jobs.priority <= joined.priority
                    ORDER BY generation_jobs.priority
                    LIMIT 100
                ) AS standing
            ) END AS space
        FROM (
            SELECT DISTINCT costed.user_id AS user_id, costed.priority AS priority
            FROM costed
        ) AS joined
    ),
    turns AS MATERIALIZED (
        SELECT
            costed.number AS number,
            CASE WHEN :is_fair THEN (advanced.finish - lanes.cost) + coalesce(
                sum(costed.cost) OVER (
                    PARTITION BY costed.user_id, costed.priority ORDER BY costed.number ROWS BETWEEN UNBOUNDED PRECEDING
                    AND 1 PRECEDING
                ),
                0.0
            ) ELSE coalesce(
                (
                    SELECT max(user_turns.finish) AS max_4
                    FROM user_turns
                    WHERE user_turns.priority = costed.priority
                ),
                0.0
            ) END AS turn,
            CASE WHEN :is_fair THEN costed.cost ELSE 0.0 END AS turn_cost,
            coalesce(
                row_number() OVER (PARTITION BY costed.user_id, costed.priority ORDER BY costed.number) > spaces.space,
                false
            ) AS parked,
            costed.seconds AS expected_s
        FROM costed
        JOIN spaces ON spaces.user_id = costed.user_id AND spaces.priority = costed.priority
        LEFT OUTER JOIN lanes ON lanes.user_id = costed.user_id AND lanes.priority = costed.priority
        LEFT OUTER JOIN advanced ON advanced.user_id = costed.user_id AND advanced.priority = costed.priority
    ),
    jobs AS (
        INSERT INTO generation_jobs(
            user_id, job_type, status, prompt, negative_prompt, checkpoint_model, lora_models, width, height,
            batch_size, params, output_nodes, temp_outputs, requires, workflow, assets, extra_pnginfo,
            secrets, secret_names, workflow_key, shape, work, metadata, priority, turn, turn_cost, parked,
            expected_s, deadline_at, max_attempts, parent_id, batch_id, schedule_id, key_id, idempotency_key,
            request_digest, request_id, traceparent, message_id, run_after, attempt, claims_left, events,
            retries, worker_id, lease_expires_at, server, comfyui_prompt_id, avoid_server, error_code,
            error_message, error_details, failure, warnings, pinned, content_id, legacy_request_id, legacy,
            created_at, updated_at, started_at, generated_at, completed_at, storage_away_since
        )
        SELECT
            new_jobs.user_id AS user_id,
            new_jobs.job_type AS job_type,
            new_jobs.status AS status,
            new_jobs.prompt AS prompt,
            new_jobs.negative_prompt AS negative_prompt,
            new_jobs.checkpoint_model AS checkpoint_model,
            coalesce(new_jobs.lora_models, '[]'::jsonb) AS coalesce_9,
            new_jobs.width AS width,
            new_jobs.height AS height,
            new_jobs.batch_size AS batch_size,
            coalesce(new_jobs.params, '{}'::jsonb) AS coalesce_10,
            new_jobs.output_nodes AS output_nodes,
            coalesce(new_jobs.temp_outputs, true) AS coalesce_11,
            new_jobs.requires AS requires,
            new_jobs.workflow AS workflow,
            new_jobs.assets AS assets,
            new_jobs.extra_pnginfo AS extra_pnginfo,
            new_jobs.secrets AS secrets,
            new_jobs.secret_names AS secret_names,
            new_jobs.workflow_key AS workflow_key,
            new_jobs.shape AS shape,
            new_jobs.work AS work,
            coalesce(new_jobs.metadata, '{}'::jsonb) AS coalesce_12,
            coalesce(new_jobs.priority, 5) AS coalesce_13,
            coalesce(turns.turn, coalesce(NULL, 0)) AS coalesce_14,
            coalesce(turns.turn_cost, coalesce(NULL, 0)) AS coalesce_15,
            coalesce(turns.parked, coalesce(NULL, false)) AS coalesce_16,
            coalesce(turns.expected_s, NULL) AS coalesce_17,
            new_jobs.deadline_at AS deadline_at,
            new_jobs.max_attempts AS max_attempts,
            new_jobs.parent_id AS parent_id,
            new_jobs.batch_id AS batch_id,
            new_jobs.schedule_id AS schedule_id,
            new_jobs.key_id AS key_id,
            new_jobs.idempotency_key AS idempotency_key,
            new_jobs.request_digest AS request_digest,
            new_jobs.request_id AS request_id,
            new_jobs.traceparent AS traceparent,
            new_jobs.message_id AS message_id,
            coalesce(new_jobs.run_after, now()) AS coalesce_18,
            coalesce(new_jobs.attempt, 0) AS coalesce_19,
            new_jobs.claims_left AS claims_left,
            coalesce(new_jobs.events, 0) AS coalesce_20,
            coalesce(new_jobs.retries, 0) AS coalesce_21,
            new_jobs.worker_id AS worker_id,
            new_jobs.lease_expires_at AS lease_expires_at,
            new_jobs.server AS server,
            new_jobs.comfyui_prompt_id AS comfyui_prompt_id,
            new_jobs.avoid_server AS avoid_server,
            new_jobs.error_code AS error_code,
            new_jobs.error_message AS error_message,
            new_jobs.error_details AS error_details,
            new_jobs.failure AS failure,
            coalesce(new_jobs.warnings, '[]'::jsonb) AS coalesce_22,
            coalesce(new_jobs.pinned, false) AS coalesce_23,
            new_jobs.content_id AS content_id,
            new_jobs.legacy_request_id AS legacy_request_id,
            new_jobs.legacy AS legacy,
            coalesce(new_jobs.created_at, now()) AS coalesce_24,
            coalesce(new_jobs.updated_at, now()) AS coalesce_25,
            new_jobs.started_at AS started_at,
            new_jobs.generated_at AS generated_at,
            new_jobs.completed_at AS completed_at,
            new_jobs.storage_away_since AS storage_away_since
        FROM new_jobs
        LEFT OUTER JOIN turns ON turns.number = new_jobs.ordinality
        ORDER BY new_jobs.ordinality
        RETURNING
            generation_jobs.id, generation_jobs.run_after, generation_jobs.turn, generation_jobs.turn_cost,
            generation_jobs.parked, generation_jobs.expected_s, generation_jobs.created_at,
            generation_jobs.updated_at, generation_jobs.status, generation_jobs.attempt,
            generation_jobs.events
    ),
    events AS (
        INSERT INTO job_events(job_id, sequence, type, attempt, data)
        SELECT
            jobs.id AS id,
            jobs.events AS events,
            jobs.status AS status,
            jobs.attempt AS attempt,
            (CAST (:event_data AS JSONB))[CAST (row_number() OVER (ORDER BY jobs.id) - 1 AS INTEGER)] AS anon_1
        FROM jobs
    )
SELECT
    jobs.id,
    jobs.run_after,
    jobs.turn,
    jobs.turn_cost,
    jobs.parked,
    jobs.expected_s,
    jobs.created_at,
    jobs.updated_at,
    now() AS now
FROM jobs
ORDER BY jobs.id;
