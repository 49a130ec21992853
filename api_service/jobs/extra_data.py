"""What is sent to ComfyUI along with a job's prompt: it writes `extra_pnginfo` into the pictures that it saves."""

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, SecretStr

from shared.workflows.json_limits import flaws

LARGEST = 512 * 1024  # bytes, as JSON without blanks; the editor's own workflows have 50 to 300 kB
DEEPEST = 64  # levels
MOST_KEYS = 20
# A key becomes the keyword of a chunk in a PNG, which has up to 79 characters of Latin-1. `prompt` is ComfyUI's own.
KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,77}[\x21-\x7e])?")
OWN_KEY = "prompt"
SECRETS = ("api_key_comfy_org", "auth_token_comfy_org")
# As tokens of HTTP are written. None of these characters is written in another way in JSON, or in an error's text.
SHORTEST_SECRET, LONGEST_SECRET = 8, 8192
SECRET = re.compile(rf"[A-Za-z0-9._~+/=-]{{{SHORTEST_SECRET},{LONGEST_SECRET}}}")


def writable(value: dict[str, Any]) -> dict[str, Any]:
    """Whether ComfyUI can write it, and list the job: a `workflow` that is no object makes its list of jobs fail."""
    if len(value) > MOST_KEYS:
        raise ValueError(f"must have at most {MOST_KEYS} keys")
    for key in value:
        if not KEY.fullmatch(key) or key == OWN_KEY:
            raise ValueError(f"a key has 1 to 79 visible ASCII characters and is not `{OWN_KEY}`")
    if not isinstance(value.get("workflow", {}), dict):
        raise ValueError(  # noqa: TRY004  # pydantic knows no TypeError
            "`workflow` must be an object, as ComfyUI's editor saves it"
        )
    for flaw in flaws(value, deepest=DEEPEST):
        raise ValueError(f"{flaw.path[:200]}: {flaw.message}")
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")) > LARGEST:
        raise ValueError(f"must be at most {LARGEST} bytes as JSON")
    return value


def sendable(value: SecretStr) -> SecretStr:
    if not SECRET.fullmatch(value.get_secret_value()):
        raise ValueError(f"must have {SHORTEST_SECRET} to {LONGEST_SECRET} letters, digits and characters of -._~+/=")
    return value


# What API nodes pay with. What is made of it as text or JSON says that there is one, and never what it is.
Secret = Annotated[SecretStr, AfterValidator(sendable)]


class ExtraData(BaseModel, frozen=True, extra="forbid", strict=True):
    """What is sent along with the prompt. `extra_pnginfo` is written into the pictures; the editor reads its `workflow`
    there. `api_key_comfy_org` and `auth_token_comfy_org` are what API nodes pay with: stored encrypted until the job
    ends, and never shown.
    """

    extra_pnginfo: Annotated[dict[str, Any], AfterValidator(writable)] | None = None
    api_key_comfy_org: Secret | None = None
    auth_token_comfy_org: Secret | None = None

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets by name, in the clear."""
        given = {name: getattr(self, name) for name in SECRETS}
        return {name: value.get_secret_value() for name, value in given.items() if value is not None}
