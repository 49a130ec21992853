-- free_server: The best of the other servers with a free slot, locked.
-- Written by `make sql`.

WITH
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
SELECT comfyui_servers.name, comfyui_servers.loaded_checkpoint, comfyui_servers.loaded_since
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
ORDER BY
    coalesce(load.jobs, 0) + comfyui_servers.foreign_prompts > 0,
    coalesce(comfyui_servers.loaded_checkpoint = :this_checkpoint, false) DESC,
    (coalesce(load.jobs, 0) + comfyui_servers.foreign_prompts + 1) / CAST (comfyui_servers.weight AS FLOAT),
    comfyui_servers.name
LIMIT 1
FOR NO KEY UPDATE OF comfyui_servers SKIP LOCKED;
