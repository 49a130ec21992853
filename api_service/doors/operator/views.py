"""What an operator sees of the health of this service."""

from pydantic import BaseModel


class LiveView(BaseModel, frozen=True):
    status: str = "ok"


class CheckView(BaseModel, frozen=True):
    """One line of `/health/ready`."""

    ok: bool
    detail: str


class ReadyView(BaseModel, frozen=True):
    """`ready`: all is well. `degraded`: jobs are accepted, and may run later; the checks say why. `unavailable`:
    nothing is accepted."""

    status: str
    database: CheckView
    redis: CheckView
    worker: CheckView
    comfyui: CheckView
    storage: CheckView
    clock: CheckView
    queue: CheckView
