-- take: Give the best job for a server to a worker: the job, its attempt, its event, the checkpoint.
-- Written by `make sql`.

WITH
    candidates AS (
        SELECT
            generation_jobs.id AS id,
            generation_jobs.priority AS priority,
            generation_jobs.turn AS turn,
            generation_jobs.checkpoint_model AS checkpoint_model,
            generation_jobs.run_after AS run_after
        FROM generation_jobs
        WHERE
            generation_jobs.status = 'queued'
            AND NOT generation_jobs.parked
            AND generation_jobs.run_after <= now()
            AND (
                generation_jobs.deadline_at IS NULL
                OR generation_jobs.deadline_at > now()
                OR generation_jobs.started_at IS NOT NULL
            )
            AND (
                NOT :is_limited
                OR (
                    generation_jobs.user_id NOT IN (
                        SELECT held_by_user.user_id
                        FROM (
                            SELECT generation_jobs.user_id AS user_id, count(*) AS jobs
                            FROM generation_jobs
                            WHERE
                                generation_jobs.status IN ('running', 'cancelling')
                                AND generation_jobs.generated_at IS NULL
                            GROUP BY generation_jobs.user_id
                        ) AS held_by_user
                        JOIN users ON users.id = held_by_user.user_id
                        WHERE
                            held_by_user.jobs >= coalesce(users.running_jobs_limit, CAST (:most_running AS INTEGER))
                    )
                )
            )
            AND (
                generation_jobs.user_id NOT IN (
                    SELECT pauses.user_id
                    FROM pauses
                    WHERE pauses.user_id IS NOT NULL
                )
            )
            AND NOT (
                EXISTS (
                    SELECT *
                    FROM pauses
                    WHERE pauses.user_id IS NULL
                )
            )
            AND (
                generation_jobs.requires IS NULL
                OR (
                    generation_jobs.requires <@ (
                        SELECT comfyui_servers.labels
                        FROM comfyui_servers
                        WHERE comfyui_servers.name = :this_server
                    )
                )
            )
            AND (
                coalesce(
                    cardinality(
                        (
                            SELECT lacks
                            FROM server_capabilities
                            WHERE server = :this_server
                        )
                    ),
                    0
                ) = 0
                OR 0 = (
                    SELECT
                        count(*) FILTER (
                            WHERE name IN (
                                SELECT unnest(lacks)
                                FROM server_capabilities
                                WHERE server = :this_server
                            )
                        )
                    FROM unnest(
                        ARRAY['ckpt_name=' || generation_jobs.checkpoint_model,
                        'vae_name=' || (generation_jobs.params ->> 'vae_name'),
                        'sampler_name=' || (generation_jobs.params ->> 'sampler_name'),
                        'scheduler=' || (generation_jobs.params ->> 'scheduler')] || ARRAY (
                            SELECT 'lora_name=' || (lora ->> 'name')
                            FROM jsonb_path_query(generation_jobs.lora_models, '$[*]') AS lora
                        ) || ARRAY (
                            SELECT 'class_type=' || (node ->> 'class_type')
                            FROM jsonb_path_query(generation_jobs.workflow, '$.*') AS node
                        ) || ARRAY (
                            SELECT (input ->> 'key') || '=' || (input ->> 'value')
                            FROM jsonb_path_query(generation_jobs.workflow, '$.*.inputs ? (@.type() == "object").keyvalue()') AS input
                        )
                    ) AS name
                )
            )
            AND (
                generation_jobs.avoid_server IS NULL
                OR generation_jobs.avoid_server != :this_server
                OR generation_jobs.run_after <= now() - '0 days 120.000000 seconds'::interval
                OR NOT (
                    EXISTS (
                        SELECT *
                        FROM comfyui_servers
                        WHERE
                            comfyui_servers.name = ANY (:my_servers::VARCHAR[])
                            AND comfyui_servers.name != :this_server
                            AND NOT (
                                comfyui_servers.unreachable_since IS NOT NULL
                                OR comfyui_servers.last_seen_at IS NULL
                                OR comfyui_servers.last_seen_at <= now() - '0 days 30.000000 seconds'::interval
                            )
                            AND comfyui_servers.unfit_since IS NULL
                            AND comfyui_servers.wedged_since IS NULL
                            AND comfyui_servers.draining_since IS NULL
                            AND NOT (
                                comfyui_servers.opened_at IS NOT NULL
                                AND comfyui_servers.open_until IS NOT NULL
                                AND comfyui_servers.open_until > now()
                            )
                    )
                )
            )
        ORDER BY generation_jobs.priority DESC, generation_jobs.turn, generation_jobs.id
        LIMIT 50
    ),
    job AS (
        UPDATE generation_jobs
        SET
            status = 'running',
            attempt = (generation_jobs.attempt + 1),
            claims_left = (
                coalesce(
                    generation_jobs.claims_left,
                    coalesce(generation_jobs.max_attempts, :most_attempts) + 3 + 5
                ) - 1
            ),
            events = (generation_jobs.events + 1),
            worker_id = :this_worker,
            lease_expires_at = (now() + :lease_duration),
            server = :this_server,
            comfyui_prompt_id = :new_prompt,
            updated_at = now(),
            started_at = coalesce(generation_jobs.started_at, now())
        WHERE
            generation_jobs.id = (
                SELECT generation_jobs_1.id
                FROM generation_jobs AS generation_jobs_1
                JOIN candidates ON candidates.id = generation_jobs_1.id
                WHERE
                    generation_jobs_1.status = 'queued'
                    AND (
                        SELECT count(*) AS count_1
                        FROM generation_jobs
                        WHERE
                            generation_jobs.status IN ('running', 'cancelling')
                            AND generation_jobs.generated_at IS NULL
                            AND generation_jobs.server = :this_server
                    ) < (
                        SELECT
                            CASE WHEN (comfyui_servers.opened_at IS NOT NULL) THEN 1 ELSE comfyui_servers.slots END AS anon_3
                        FROM comfyui_servers
                        WHERE
                            comfyui_servers.name = :this_server
                            AND NOT (
                                comfyui_servers.unreachable_since IS NOT NULL
                                OR comfyui_servers.last_seen_at IS NULL
                                OR comfyui_servers.last_seen_at <= now() - '0 days 30.000000 seconds'::interval
                            )
                            AND comfyui_servers.unfit_since IS NULL
                            AND comfyui_servers.wedged_since IS NULL
                            AND comfyui_servers.draining_since IS NULL
                            AND NOT (
                                comfyui_servers.opened_at IS NOT NULL
                                AND comfyui_servers.open_until IS NOT NULL
                                AND comfyui_servers.open_until > now()
                            )
                    )
                ORDER BY
                    candidates.priority DESC,
                    coalesce(
                        candidates.checkpoint_model = CAST (:this_checkpoint AS VARCHAR)
                        AND (
                            now() - '0 days 60.000000 seconds'::interval < (
                                SELECT candidates.run_after
                                FROM candidates
                                ORDER BY candidates.priority DESC, candidates.turn, candidates.id
                                LIMIT 1
                            )
                            OR CAST (:this_checkpoint_since AS TIMESTAMP WITH TIME ZONE) > now() - '0 days 60.000000 seconds'::interval
                        ), false
                    ) DESC,
                    candidates.turn,
                    candidates.id
                LIMIT 1
                FOR UPDATE OF generation_jobs_1 SKIP LOCKED
            )
            AND generation_jobs.status IN ('queued')
        RETURNING
            generation_jobs.id, generation_jobs.user_id, generation_jobs.job_type, generation_jobs.status,
            generation_jobs.prompt, generation_jobs.negative_prompt, generation_jobs.checkpoint_model,
            generation_jobs.lora_models, generation_jobs.width, generation_jobs.height,
            generation_jobs.batch_size, generation_jobs.params, generation_jobs.output_nodes,
            generation_jobs.temp_outputs, generation_jobs.requires, generation_jobs.workflow,
            generation_jobs.assets, generation_jobs.extra_pnginfo, generation_jobs.secrets,
            generation_jobs.secret_names, generation_jobs.workflow_key, generation_jobs.shape,
            generation_jobs.work, generation_jobs.metadata, generation_jobs.priority, generation_jobs.turn,
            generation_jobs.turn_cost, generation_jobs.parked, generation_jobs.expected_s,
            generation_jobs.deadline_at, generation_jobs.max_attempts, generation_jobs.parent_id,
            generation_jobs.batch_id, generation_jobs.schedule_id, generation_jobs.key_id,
            generation_jobs.idempotency_key, generation_jobs.request_digest, generation_jobs.request_id,
            generation_jobs.traceparent, generation_jobs.message_id, generation_jobs.run_after,
            generation_jobs.attempt, generation_jobs.claims_left, generation_jobs.events,
            generation_jobs.retries, generation_jobs.worker_id, generation_jobs.lease_expires_at,
            generation_jobs.server, generation_jobs.comfyui_prompt_id, generation_jobs.avoid_server,
            generation_jobs.error_code, generation_jobs.error_message, generation_jobs.error_details,
            generation_jobs.failure, generation_jobs.warnings, generation_jobs.pinned,
            generation_jobs.content_id, generation_jobs.legacy_request_id, generation_jobs.legacy,
            generation_jobs.created_at, generation_jobs.updated_at, generation_jobs.started_at,
            generation_jobs.generated_at, generation_jobs.completed_at, generation_jobs.storage_away_since
    ),
    attempt AS (
        INSERT INTO job_attempts(job_id, attempt, worker_id, message_id, server, comfyui_prompt_id, adopted)
        SELECT
            job.id AS id,
            job.attempt AS attempt,
            job.worker_id AS worker_id,
            :this_message AS anon_1,
            job.server AS server,
            job.comfyui_prompt_id AS comfyui_prompt_id,
            false AS anon_2
        FROM job
    ),
    event AS (
        INSERT INTO job_events(job_id, sequence, type, attempt, data)
        SELECT
            job.id AS id,
            job.events AS events,
            'started' AS anon_4,
            job.attempt AS attempt,
            jsonb_build_object('server', job.server) AS jsonb_build_object_1
        FROM job
    ),
    server AS (
        UPDATE comfyui_servers
        SET loaded_checkpoint = job.checkpoint_model, loaded_since = now()
        FROM job
        WHERE
            comfyui_servers.name = job.server
            AND job.checkpoint_model IS NOT NULL
            AND comfyui_servers.loaded_checkpoint IS DISTINCT FROM job.checkpoint_model
    )
SELECT
    job.id,
    job.user_id,
    job.job_type,
    job.status,
    job.prompt,
    job.negative_prompt,
    job.checkpoint_model,
    job.lora_models,
    job.width,
    job.height,
    job.batch_size,
    job.params,
    job.output_nodes,
    job.temp_outputs,
    job.requires,
    job.workflow,
    job.assets,
    job.extra_pnginfo,
    job.secrets,
    job.secret_names,
    job.workflow_key,
    job.shape,
    job.work,
    job.metadata,
    job.priority,
    job.turn,
    job.turn_cost,
    job.parked,
    job.expected_s,
    job.deadline_at,
    job.max_attempts,
    job.parent_id,
    job.batch_id,
    job.schedule_id,
    job.key_id,
    job.idempotency_key,
    job.request_digest,
    job.request_id,
    job.traceparent,
    job.message_id,
    job.run_after,
    job.attempt,
    job.claims_left,
    job.events,
    job.retries,
    job.worker_id,
    job.lease_expires_at,
    job.server,
    job.comfyui_prompt_id,
    job.avoid_server,
    job.error_code,
    job.error_message,
    job.error_details,
    job.failure,
    job.warnings,
    job.pinned,
    job.content_id,
    job.legacy_request_id,
    job.legacy,
    job.created_at,
    job.updated_at,
    job.started_at,
    job.generated_at,
    job.completed_at,
    job.storage_away_since,
    EXISTS (
        SELECT *
        FROM suspect_workflows
        WHERE
            suspect_workflows.fingerprint = job.workflow_key
            AND suspect_workflows.quarantined_at IS NOT NULL
    ) AS is_quarantined
FROM job;
