"""What clients may ask of failures, and of workflows in quarantine."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field

from api_service.http.pages import PageQuery
from shared.database.moments import Moment
from shared.jobs.listing.filters import WhoseJobs, Word

FINGERPRINT = re.compile("[0-9a-f]{16}")
Name = Annotated[str, Field(min_length=1, max_length=255), Word]


class FailuresQuery(PageQuery, frozen=True):
    """Which groups, and which page of them. Jobs count that failed at `since` or later, on `server`, with `code`.

    Those that the caller has muted are left out unless `muted` is true. `cursor` is from the page before, whose filters
    must be the same. `user_id` is for admins: another user's failures, or `all`.
    """

    since: Moment | None = None
    server: Name | None = None
    code: Name | None = None
    muted: bool = False
    user_id: WhoseJobs | None = None


class FailureChange(BaseModel, frozen=True, extra="forbid"):
    """Until `muted_until` the caller hears nothing of the group; null, or a moment that has passed, ends that."""

    muted_until: Moment | None


class QuarantineQuery(PageQuery, frozen=True):
    """Which page of them. `cursor` is from the page before."""


def fingerprint_in(path: Mapping[str, str]) -> str | None:
    """The fingerprint that a path names; None for what is none."""
    found = path["fingerprint"]
    return found if FINGERPRINT.fullmatch(found) else None
