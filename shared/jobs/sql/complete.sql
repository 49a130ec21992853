-- complete: Complete a job: the job, its attempt, its event, its server's breaker, what its owner has stored.
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
            generation_jobs.id, generation_jobs.user_id, generation_jobs.status, generation_jobs.server,
            generation_jobs.attempt, generation_jobs.events, generation_jobs.created_at,
            generation_jobs.updated_at, generation_jobs.started_at, generation_jobs.completed_at
    ),
    attempt AS (
        UPDATE job_attempts
        SET ended_at = now(), outcome = 'completed'
        FROM job
        WHERE
            job_attempts.job_id = job.id
            AND job_attempts.attempt = job.attempt
            AND job_attempts.outcome IS NULL
    ),
    event AS (
        INSERT INTO job_events(job_id, sequence, type, attempt, data)
        SELECT
            job.id AS id,
            job.events AS events,
            'completed' AS anon_1,
            job.attempt AS attempt,
            :event_data::JSONB AS anon_2
        FROM job
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
    )
SELECT
    job.id, job.user_id, job.status, job.server, job.attempt, job.events, job.created_at, job.updated_at,
    job.started_at, job.completed_at
FROM job;
