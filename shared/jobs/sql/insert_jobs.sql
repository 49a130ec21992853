-- insert_jobs: Record any number of jobs, with the first event of each.
-- Written by `make sql`.

WITH
    jobs AS (
        INSERT INTO generation_jobs(
            user_id, job_type, status, prompt, negative_prompt, checkpoint_model, lora_models, width, height,
            batch_size, params, output_nodes, temp_outputs, workflow, assets, extra_pnginfo, secrets,
            secret_names, workflow_key, metadata, priority, deadline_at, max_attempts, parent_id, batch_id,
            schedule_id, idempotency_key, request_digest, request_id, message_id, run_after, attempt,
            claims_left, events, retries, worker_id, lease_expires_at, server, comfyui_prompt_id,
            avoid_server, error_code, error_message, error_details, warnings, pinned, content_id,
            legacy_request_id, legacy, created_at, updated_at, started_at, generated_at, completed_at,
            storage_away_since
        )
        SELECT
            new_jobs.user_id AS user_id,
            new_jobs.job_type AS job_type,
            new_jobs.status AS status,
            new_jobs.prompt AS prompt,
            new_jobs.negative_prompt AS negative_prompt,
            new_jobs.checkpoint_model AS checkpoint_model,
            coalesce(new_jobs.lora_models, '[]'::jsonb) AS coalesce_1,
            new_jobs.width AS width,
            new_jobs.height AS height,
            new_jobs.batch_size AS batch_size,
            coalesce(new_jobs.params, '{}'::jsonb) AS coalesce_2,
            new_jobs.output_nodes AS output_nodes,
            coalesce(new_jobs.temp_outputs, true) AS coalesce_3,
            new_jobs.workflow AS workflow,
            new_jobs.assets AS assets,
            new_jobs.extra_pnginfo AS extra_pnginfo,
            new_jobs.secrets AS secrets,
            new_jobs.secret_names AS secret_names,
            new_jobs.workflow_key AS workflow_key,
            coalesce(new_jobs.metadata, '{}'::jsonb) AS coalesce_4,
            coalesce(new_jobs.priority, 5) AS coalesce_5,
            new_jobs.deadline_at AS deadline_at,
            new_jobs.max_attempts AS max_attempts,
            new_jobs.parent_id AS parent_id,
            new_jobs.batch_id AS batch_id,
            new_jobs.schedule_id AS schedule_id,
            new_jobs.idempotency_key AS idempotency_key,
            new_jobs.request_digest AS request_digest,
            new_jobs.request_id AS request_id,
            new_jobs.message_id AS message_id,
            coalesce(new_jobs.run_after, now()) AS coalesce_6,
            coalesce(new_jobs.attempt, 0) AS coalesce_7,
            new_jobs.claims_left AS claims_left,
            coalesce(new_jobs.events, 0) AS coalesce_8,
            coalesce(new_jobs.retries, 0) AS coalesce_9,
            new_jobs.worker_id AS worker_id,
            new_jobs.lease_expires_at AS lease_expires_at,
            new_jobs.server AS server,
            new_jobs.comfyui_prompt_id AS comfyui_prompt_id,
            new_jobs.avoid_server AS avoid_server,
            new_jobs.error_code AS error_code,
            new_jobs.error_message AS error_message,
            new_jobs.error_details AS error_details,
            coalesce(new_jobs.warnings, '[]'::jsonb) AS coalesce_10,
            coalesce(new_jobs.pinned, false) AS coalesce_11,
            new_jobs.content_id AS content_id,
            new_jobs.legacy_request_id AS legacy_request_id,
            new_jobs.legacy AS legacy,
            coalesce(new_jobs.created_at, now()) AS coalesce_12,
            coalesce(new_jobs.updated_at, now()) AS coalesce_13,
            new_jobs.started_at AS started_at,
            new_jobs.generated_at AS generated_at,
            new_jobs.completed_at AS completed_at,
            new_jobs.storage_away_since AS storage_away_since
        FROM jsonb_populate_recordset(NULL::generation_jobs, CAST (:new_jobs AS JSONB))
        WITH ORDINALITY AS new_jobs
        ORDER BY new_jobs.ordinality
        RETURNING
            generation_jobs.id, generation_jobs.run_after, generation_jobs.created_at,
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
SELECT jobs.id, jobs.run_after, jobs.created_at, jobs.updated_at, now() AS now
FROM jobs
ORDER BY jobs.id;
