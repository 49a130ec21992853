"""The two tables before the merge: the first revision makes them, and undoing the merge makes them again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON, UUID

# A schema of ours in a database that went down to the old tables: it has what those have no place for.
KEPT = "genonaut_kept"


def create_generation_jobs() -> None:
    op.create_table(
        "generation_jobs",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("job_type", sa.String(50), nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("parameters", JSON),
        sa.Column("status", sa.String(20), nullable=False, server_default="pending"),
        sa.Column("result_content_id", sa.Integer),
        *moments_and_error(),
    )


def create_comfyui_generation_requests() -> None:
    op.create_table(
        "comfyui_generation_requests",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("negative_prompt", sa.Text),
        sa.Column("checkpoint_model", sa.String(255), nullable=False),
        sa.Column("lora_models", JSON, nullable=False, server_default="[]"),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("batch_size", sa.Integer, nullable=False),
        sa.Column("sampler_params", JSON, nullable=False, server_default="{}"),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("comfyui_prompt_id", sa.String(255), unique=True),
        sa.Column("output_paths", JSON, nullable=False, server_default="[]"),
        sa.Column("thumbnail_paths", JSON, nullable=False, server_default="[]"),
        *moments_and_error(),
    )


def moments_and_error() -> list[sa.Column[object]]:
    """The columns both tables end with. Their times have no zone and are UTC."""
    return [
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.Column("started_at", sa.DateTime),
        sa.Column("completed_at", sa.DateTime),
        sa.Column("error_message", sa.Text),
    ]
