-- adopt: Take over the job whose lease ran out first: the job, the old attempt and the new one.
-- Written by `make sql`.

WITH
    job AS (
        UPDATE generation_jobs
        SET
            attempt = (generation_jobs.attempt + 1),
            claims_left = (
                coalesce(
                    generation_jobs.claims_left,
                    coalesce(generation_jobs.max_attempts, :most_attempts) + 3 + 5
                ) - 1
            ),
            worker_id = :this_worker,
            lease_expires_at = (now() + :lease_duration),
            updated_at = now()
        WHERE
            generation_jobs.id = (
                SELECT generation_jobs.id
                FROM generation_jobs
                WHERE
                    generation_jobs.status IN ('running', 'cancelling')
                    AND generation_jobs.lease_expires_at <= now()
                    AND generation_jobs.server IS NOT NULL
                    AND coalesce(generation_jobs.claims_left, 1) > 0
                    AND (
                        generation_jobs.server = ANY (:my_servers::VARCHAR[])
                        OR generation_jobs.lease_expires_at <= now() - '0 days 60.000000 seconds'::interval
                    )
                ORDER BY generation_jobs.lease_expires_at
                LIMIT 1
                FOR UPDATE SKIP LOCKED
            )
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
    expired_attempt AS (
        UPDATE job_attempts
        SET ended_at = now(), outcome = 'expired'
        FROM job
        WHERE
            job_attempts.job_id = job.id
            AND job_attempts.attempt = job.attempt - 1
            AND job_attempts.outcome IS NULL
        RETURNING job_attempts.job_id, job_attempts.server, job_attempts.started_at
    ),
    usage AS (
        INSERT INTO usage_notes(user_id, day, key_id, checkpoint, server, attempts, gpu_us, lost_us, completed, bytes)
        SELECT
            job.user_id AS user_id,
            CAST (timezone('UTC', now()) AS DATE) AS timezone_1,
            coalesce(job.key_id, '') AS coalesce_1,
            coalesce(job.checkpoint_model, '') AS coalesce_3,
            expired_attempt.server AS server,
            1 AS anon_1,
            CAST (
                greatest(
                    EXTRACT (
                        epoch FROM least(now(), coalesce(job.generated_at, now())) - expired_attempt.started_at
                    ),
                    0
                ) * 1000000 AS BIGINT
            ) AS anon_2,
            CAST (
                greatest(
                    EXTRACT (
                        epoch FROM least(now(), coalesce(job.generated_at, now())) - expired_attempt.started_at
                    ),
                    0
                ) * 1000000 AS BIGINT
            ) AS anon__1,
            0 AS anon_3,
            0 AS anon_4
        FROM job
        JOIN expired_attempt ON expired_attempt.job_id = job.id
    ),
    attempt AS (
        INSERT INTO job_attempts(job_id, attempt, worker_id, message_id, server, comfyui_prompt_id, adopted)
        SELECT
            job.id AS id,
            job.attempt AS attempt,
            job.worker_id AS worker_id,
            :this_message AS anon_5,
            job.server AS server,
            job.comfyui_prompt_id AS comfyui_prompt_id,
            true AS anon_6
        FROM job
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
