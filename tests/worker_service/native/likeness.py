"""What this door says is compared with a recording of one ComfyUI, and what must differ in a pool is one table."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulator.comparison import DIFFERING, Likeness

OURS = re.compile(r"[\w.-]*job-\d+-\d+(\.\w+)?")


def both(kind: type | tuple[type, ...]) -> Callable[[Any, Any], bool]:
    return lambda recorded, answered: isinstance(recorded, kind) and isinstance(answered, kind)


def same_ending(recorded: Any, answered: Any) -> bool:
    """Outputs have names of ours, which no two servers can give twice."""
    return bool(OURS.fullmatch(answered)) and recorded.rpartition(".")[2] == answered.rpartition(".")[2]


# Fields whose values differ from those of one server, with what is still asked of them.
IN_A_POOL: Mapping[str, Callable[[Any, Any], bool]] = {
    **DIFFERING,
    "number": both(int),
    "priority": both(int),
    "filename": same_ending,
    # Which nodes were cached, and which had run by an error, is known to the server alone.
    "nodes": both(list),
    "executed": both(list),
    # An error's words are those of the record, without the server's own source and its folders.
    "traceback": both(list),
    "exception_message": both(str),
    "current_inputs": both(dict),
    "current_outputs": both(list),
    # Outputs are stored under a folder of ours.
    "subfolder": both(str),
    "max_upload_size": both(int),
}
# Fields of newer or other servers that say nothing of a job.
LEFT_OUT = frozenset(
    {"comfy_usage_source", "supports_model_type_tags", "node_replacements", "assets", "manager"}
    | {"previewable_outputs_count", "animated"}
)


class PoolLikeness(Likeness):
    """As the simulator is compared, but for what differs in a pool."""

    differing = IN_A_POOL
    left_out = LEFT_OUT

    def check_field(self, name: str, recorded: Any, answered: Any, place: str) -> None:
        if name == "prompt" and isinstance(recorded, list):
            # The first is its number, and the last a set of nodes.
            recorded = [*recorded[1:-1], sorted(recorded[-1])]
            answered = [*answered[1:-1], sorted(answered[-1])]
        self.check(recorded, answered, place)
