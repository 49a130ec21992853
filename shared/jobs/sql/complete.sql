-- complete: Complete a job: the job, its attempt, its event, its outputs, what is stored, and what webhooks are owed.
-- Written by `make sql`.

WITH
    job AS (
        UPDATE generation_jobs
        SET
            status = 'completed',
            secrets = NULL,
            events = (generation_jobs.events + 1),
            lease_expires_at = NULL,
            warnings = :new_warnings::JSONB,
            updated_at = now(),
            generated_at = coalesce(generation_jobs.generated_at, now() - :storing),
            completed_at = now()
        WHERE
            generation_jobs.id = :this_job
            AND generation_jobs.attempt = :this_attempt
            AND generation_jobs.worker_id IS NOT NULL
            AND generation_jobs.status IN ('running')
        RETURNING
            generation_jobs.id,
            generation_jobs.user_id,
            generation_jobs.status,
            generation_jobs.job_type,
            generation_jobs.server,
            generation_jobs.attempt,
            generation_jobs.events,
            generation_jobs.created_at,
            generation_jobs.updated_at,
            generation_jobs.run_after,
            generation_jobs.started_at,
            generation_jobs.generated_at,
            generation_jobs.completed_at,
            generation_jobs.priority,
            generation_jobs.turn_cost,
            generation_jobs.key_id,
            generation_jobs.workflow_key,
            generation_jobs.shape,
            generation_jobs.checkpoint_model,
            generation_jobs.work,
            generation_jobs.batch_id AS batch_id,
            generation_jobs.parent_id AS parent_id,
            generation_jobs.metadata AS metadata
    ),
    learned AS (
        INSERT INTO job_durations(workflow_key, shape, checkpoint_model, work, server, seconds, jobs, seen_on)
        SELECT
            job.workflow_key AS workflow_key,
            job.shape AS shape,
            job.checkpoint_model AS checkpoint_model,
            job.work AS work,
            job.server AS server,
            ARRAY[CAST (greatest(EXTRACT (epoch FROM now() - job_attempts.started_at), 0.001) AS REAL)] AS anon_1,
            1,
            CAST (timezone('UTC', now()) AS DATE) AS timezone_1
        FROM job
        JOIN job_attempts ON job_attempts.job_id = job.id AND job_attempts.attempt = job.attempt
        WHERE
            NOT job_attempts.adopted
            AND job.shape IS NOT NULL
            AND job.work BETWEEN 1
            AND 1000000000000000.0 ON CONFLICT (workflow_key, server) DO
        UPDATE
        SET
            shape = excluded.shape,
            checkpoint_model = excluded.checkpoint_model,
            work = excluded.work,
            seconds = ((array_cat(excluded.seconds, job_durations.seconds))[1 :24]),
            jobs = (job_durations.jobs + 1),
            seen_on = excluded.seen_on
    ),
    turn AS (
        UPDATE user_turns
        SET
            finish = (
                (
                    user_turns.finish + greatest(EXTRACT (epoch FROM coalesce(job.generated_at, now()) - job_attempts.started_at), 0) / CAST (
                        (
                            SELECT users.weight
                            FROM users
                            WHERE users.id = job.user_id
                        ) AS FLOAT
                    )
                ) - job.turn_cost
            )
        FROM job, job_attempts
        WHERE
            user_turns.user_id = job.user_id
            AND user_turns.priority = job.priority
            AND job.turn_cost > 0
            AND job_attempts.job_id = job.id
            AND job_attempts.attempt = job.attempt
    ),
    attempt AS (
        UPDATE job_attempts
        SET ended_at = now(), outcome = 'completed'
        FROM job
        WHERE
            job_attempts.job_id = job.id
            AND job_attempts.attempt = job.attempt
            AND job_attempts.outcome IS NULL
        RETURNING job_attempts.job_id, job_attempts.server, job_attempts.started_at
    ),
    usage AS (
        INSERT INTO usage_notes(user_id, day, key_id, checkpoint, server, attempts, gpu_us, lost_us, completed, bytes)
        SELECT
            job.user_id AS user_id,
            CAST (timezone('UTC', now()) AS DATE) AS timezone_3,
            coalesce(job.key_id, '') AS coalesce_1,
            coalesce(job.checkpoint_model, '') AS coalesce_3,
            attempt.server AS server,
            1 AS anon_2,
            CAST (
                greatest(
                    EXTRACT (epoch FROM least(now(), coalesce(job.generated_at, now())) - attempt.started_at),
                    0
                ) * 1000000 AS BIGINT
            ) AS anon_3,
            0 AS anon_4,
            1 AS anon_5,
            :added_bytes AS anon_6
        FROM job
        JOIN attempt ON attempt.job_id = job.id
    ),
    event AS (
        INSERT INTO job_events(job_id, sequence, type, attempt, data)
        SELECT
            job.id AS id,
            job.events AS events,
            'completed' AS anon_7,
            job.attempt AS attempt,
            :event_data::JSONB AS anon_8
        FROM job
    ),
    outputs AS (
        INSERT INTO job_outputs(
            job_id, number, kind, node_id, node_class, node_title, key, server_filename, type, filename, path,
            media_type, size_bytes, sha256, width, height, duration_ms, thumbnails, thumbnail_note
        )
        SELECT
            job.id AS id,
            made.number AS number,
            made.kind AS kind,
            made.node_id AS node_id,
            made.node_class AS node_class,
            made.node_title AS node_title,
            made.key AS key,
            made.server_filename AS server_filename,
            made.type AS type,
            made.filename AS filename,
            made.path AS path,
            made.media_type AS media_type,
            made.size_bytes AS size_bytes,
            made.sha256 AS sha256,
            made.width AS width,
            made.height AS height,
            made.duration_ms AS duration_ms,
            made.thumbnails AS thumbnails,
            made.thumbnail_note AS thumbnail_note
        FROM job
        JOIN jsonb_to_recordset(:new_outputs::JSONB) AS made(
            number INTEGER,
            kind VARCHAR (20),
            node_id VARCHAR (255),
            node_class VARCHAR (255),
            node_title VARCHAR (255),
            key VARCHAR (255),
            server_filename VARCHAR (255),
            type VARCHAR (20),
            filename VARCHAR (255),
            path TEXT,
            media_type VARCHAR (127),
            size_bytes BIGINT,
            sha256 VARCHAR (64),
            width INTEGER,
            height INTEGER,
            duration_ms INTEGER,
            thumbnails JSONB,
            thumbnail_note TEXT
        ) ON true
    ),
    server AS (
        UPDATE comfyui_servers
        SET opened_at = NULL, open_until = NULL
        FROM job
        WHERE comfyui_servers.name = job.server AND comfyui_servers.opened_at IS NOT NULL
    ),
    owner AS (
        UPDATE users
        SET stored_bytes = (users.stored_bytes + :added_bytes)
        FROM job
        WHERE users.id = job.user_id AND :added_bytes > 0
    ),
    owed AS (
        INSERT INTO webhook_deliveries(id, endpoint_id, job_id, url, secret, type, body, state)
        SELECT
            gen_random_uuid() AS gen_random_uuid_1,
            webhook_endpoints.id AS id,
            job.id AS id_1,
            job_webhooks.url AS url,
            job_webhooks.secret AS secret,
            'job.completed' AS anon_9,
            CAST (
                jsonb_build_object(
                    'type',
                    'job.completed',
                    'timestamp',
                    job.updated_at,
                    'data',
                    jsonb_build_object(
                        'job_id',
                        job.id,
                        'sequence',
                        job.events,
                        'user_id',
                        job.user_id,
                        'job_type',
                        job.job_type,
                        'status',
                        job.status,
                        'batch_id',
                        job.batch_id,
                        'parent_id',
                        job.parent_id,
                        'created_at',
                        job.created_at,
                        'started_at',
                        job.started_at,
                        'metadata',
                        CASE WHEN (octet_length(CAST (job.metadata AS TEXT)) <= 6200) THEN job.metadata ELSE NULL END,
                        'ended_at',
                        job.completed_at,
                        'error',
                        CASE WHEN ('job.completed' = 'job.failed') THEN jsonb_build_object(
                            'code',
                            jsonb_extract_path(:event_data::JSONB, 'code'),
                            'message',
                            left(jsonb_extract_path_text(:event_data::JSONB, 'message'), 2000)
                        ) ELSE NULL END,
                        'output_count',
                        coalesce(jsonb_array_length(jsonb_extract_path(:event_data::JSONB, 'outputs')), 0),
                        'outputs',
                        coalesce(
                            (
                                SELECT
                                    jsonb_agg(
                                        jsonb_build_object(
                                            'number',
                                            jsonb_extract_path(told.output, 'number'),
                                            'kind',
                                            jsonb_extract_path(told.output, 'kind'),
                                            'media_type',
                                            jsonb_extract_path(told.output, 'media_type'),
                                            'size_bytes',
                                            jsonb_extract_path(told.output, 'size_bytes'),
                                            'url',
                                            jsonb_extract_path(told.output, 'url')
                                        ) ORDER BY told.place
                                    ) AS jsonb_agg_1
                                FROM jsonb_array_elements(jsonb_extract_path(:event_data::JSONB, 'outputs'))
                                WITH ORDINALITY AS told(output, place)
                                WHERE CAST (told.place AS INTEGER) <= 20
                            ),
                            jsonb_build_array()
                        )
                    )
                ) AS TEXT
            ) AS jsonb_build_object_1,
            'pending' AS anon_10
        FROM job
        JOIN webhook_endpoints ON webhook_endpoints.user_id = job.user_id
        LEFT OUTER JOIN job_webhooks ON webhook_endpoints.of_jobs AND job_webhooks.job_id = job.id
        WHERE
            webhook_endpoints.enabled
            AND (
                NOT webhook_endpoints.of_jobs
                AND 'job.completed' = ANY (webhook_endpoints.event_types)
                AND (job.metadata @> webhook_endpoints.metadata_filter)
                OR job_webhooks.job_id IS NOT NULL
            )
        ORDER BY webhook_endpoints.id, job.id
        FOR KEY SHARE OF webhook_endpoints
    )
SELECT
    job.id,
    job.user_id,
    job.status,
    job.job_type,
    job.server,
    job.attempt,
    job.events,
    job.created_at,
    job.updated_at,
    job.run_after,
    job.started_at,
    job.generated_at,
    job.completed_at,
    EXISTS (
        SELECT *
        FROM notification_settings
        WHERE notification_settings.user_id = job.user_id
    ) AS has_listeners
FROM job;
