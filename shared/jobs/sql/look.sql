-- look: What there is to do: a job to adopt, a first one to start, and a free server, locked.
-- Written by `make sql`.

WITH
    limits AS MATERIALIZED (
        SELECT
            EXISTS (
                SELECT users.id
                FROM users
                WHERE users.running_jobs_limit IS NOT NULL
            ) AS somebody
    ),
    load AS MATERIALIZED (
        SELECT generation_jobs.server AS server, count(*) AS jobs
        FROM generation_jobs
        WHERE generation_jobs.status IN ('running', 'cancelling') AND generation_jobs.generated_at IS NULL
        GROUP BY generation_jobs.server
    ),
    moving AS (
        SELECT count(*) AS servers
        FROM comfyui_servers
        WHERE
            comfyui_servers.name = ANY (:my_servers::VARCHAR[])
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
            AND comfyui_servers.stuck_since IS NULL
    )
SELECT
    EXISTS (
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
    ) AS is_abandoned,
    NOT (
        CAST (:most_running AS INTEGER) IS NULL
        AND NOT (
            SELECT limits.somebody
            FROM limits
        )
    ) AS is_limited,
    (
        SELECT generation_jobs.id
        FROM generation_jobs
        WHERE generation_jobs.status = 'queued' AND generation_jobs.parked
        ORDER BY generation_jobs.user_id, generation_jobs.priority, generation_jobs.turn, generation_jobs.id
        LIMIT 1
    ) IS NOT NULL AS are_parked,
    first.id,
    first.checkpoint_model,
    free_server.name,
    free_server.loaded_checkpoint,
    free_server.loaded_since
FROM (
    SELECT 1 AS one
) AS one
LEFT OUTER JOIN (
    SELECT generation_jobs.id AS id, generation_jobs.checkpoint_model AS checkpoint_model
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
            CAST (:most_running AS INTEGER) IS NULL
            AND NOT (
                SELECT limits.somebody
                FROM limits
            )
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
    ORDER BY generation_jobs.priority DESC, generation_jobs.turn, generation_jobs.id
    LIMIT 1
) AS first ON true
LEFT OUTER JOIN LATERAL (
    SELECT
        comfyui_servers.name AS name,
        comfyui_servers.loaded_checkpoint AS loaded_checkpoint,
        comfyui_servers.loaded_since AS loaded_since
    FROM comfyui_servers
    LEFT OUTER JOIN load ON load.server = comfyui_servers.name
    WHERE
        comfyui_servers.name = ANY (:my_servers::VARCHAR[])
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
        AND coalesce(load.jobs, 0) < CASE WHEN (comfyui_servers.opened_at IS NOT NULL) THEN 1 ELSE comfyui_servers.slots END
        AND (
            comfyui_servers.stuck_since IS NULL
            OR (
                SELECT moving.servers
                FROM moving
            ) = 0
        )
        AND first.id IS NOT NULL
        AND CAST (:most_running AS INTEGER) IS NULL
        AND NOT (
            SELECT limits.somebody
            FROM limits
        )
        AND NOT (
            EXISTS (
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
            )
        )
    ORDER BY
        coalesce(load.jobs, 0) + comfyui_servers.foreign_prompts > 0,
        coalesce(comfyui_servers.loaded_checkpoint = first.checkpoint_model, false) DESC,
        (coalesce(load.jobs, 0) + comfyui_servers.foreign_prompts + 1) / CAST (comfyui_servers.weight AS FLOAT),
        comfyui_servers.name
    LIMIT 1
    FOR NO KEY UPDATE OF comfyui_servers SKIP LOCKED
) AS free_server ON true;
