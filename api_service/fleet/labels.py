"""A job may ask for labels only if some server has all of them."""

from collections.abc import Sequence

from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.close_matches import suggestion
from api_service.refusals.refusal import FieldError

MOST_NAMED = 50


def label_errors(requires: Sequence[str], capabilities: Capabilities) -> list[FieldError]:
    """What is wrong with the labels that a job asks for; nothing if a server has them. Pure."""
    if not requires or capabilities.having(requires).servers:
        return []
    known = sorted({label for server in capabilities.servers for label in server.labels})
    there = f"there are {', '.join(known[:MOST_NAMED])}" if known else "no server has a label"
    missing = [label for label in requires if label not in known]
    if missing:
        message = f"no server has the label {missing[0]!r}{suggestion(missing[0], known)}; {there}"
    else:
        message = f"no server has all of {', '.join(requires)} together; {there}"
    return [FieldError(field="requires", message=message, code="unknown_label")]
