"""Where things are: the addresses of this door, and what else a client may put into one."""

from pydantic import BaseModel

PREFIX = "/v1/"
GENERATIONS = f"{PREFIX}images/generations"
EDITS = f"{PREFIX}images/edits"
MODELS = f"{PREFIX}models"


class AnyQuery(BaseModel, frozen=True, extra="ignore"):
    """Query parameters that say nothing here: some clients put a version into every address."""
