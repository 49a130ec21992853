"""Ids in the path of a request."""

import re
from uuid import UUID

AS_WE_WRITE_IT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def uuid_in(text: str) -> UUID | None:
    """The UUID of that text, in the form that answers give it; None for any other text. Python takes more forms."""
    return UUID(text) if AS_WE_WRITE_IT.fullmatch(text) else None
