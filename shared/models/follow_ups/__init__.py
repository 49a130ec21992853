"""The tables of what follows a job, or makes some: notifications, webhooks, tasks, schedules."""
