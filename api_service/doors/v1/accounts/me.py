"""The one who asks: the user, the key and its limits."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.accounts.identity import Identity
from api_service.doors.v1.accounts.views import MeView
from api_service.http.answers import answer_with
from api_service.http.operations import Access, Answer, Call, Nothing, Operation
from api_service.limits import quotas
from api_service.limits.effective_limits import Limit
from api_service.services import Services
from shared.database.engine import transaction
from shared.models import ApiKey, User


async def show(call: Call[Nothing, Nothing]) -> Response:
    """Show who is asking: the user, the key, its limits, and what the user has of them."""
    return answer_with(await call.services.run(me, call.services, call.identity))


def me(services: Services, identity: Identity) -> MeView:
    limits: dict[str, int | None] = {limit: services.limits.most(identity, limit) for limit in Limit}
    with transaction(services.engine) as session:
        user, key = session.get_one(User, identity.user_id), session.get_one(ApiKey, identity.key_id)
        own = user.running_jobs_limit
        limits["running_jobs"] = services.settings.limit_running_jobs if own is None else own
        return MeView.of(user, key, limits, quotas.queued_jobs(session, user.id))


OPERATIONS = (
    Operation(
        "showMe",
        "GET",
        "/api/v1/me",
        show,
        Access.ANY_KEY,
        {HTTPStatus.OK: Answer(MeView, "the user and the key")},
        tag="accounts",
    ),
)
