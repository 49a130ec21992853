"""Keys, as an admin makes, lists and revokes them."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.accounts import account_queries
from api_service.doors.binding import ApiRequest
from api_service.doors.v1.accounts.bodies import KeyBody, KeysQuery, key_id_in, user_id_in
from api_service.doors.v1.accounts.views import KeyPage, KeyView, NewKeyView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import next_page
from api_service.refusals.codes import Code
from shared.accounts.keys import KeyTerms
from shared.models import Scope


async def create(request: ApiRequest[KeyBody, Nothing]) -> Response:
    """Make a key for a user.

    The answer has the whole key, which cannot be shown again: only a hash of it is kept.
    """
    services, body = request.services, request.body
    terms = KeyTerms(body.name, body.scopes, body.expires_at, body.limits.own())
    made = await services.run(account_queries.create_key, services.engine, user_id_in(request.path), terms)
    return answer_with(NewKeyView.made(made), HTTPStatus.CREATED, **{"Cache-Control": "no-store"})


async def list_of_user(request: ApiRequest[Nothing, KeysQuery]) -> KeyPage:
    """List the keys of a user.

    Also those that are no longer good. Secrets are not shown.
    """
    services, query, user_id = request.services, request.query, user_id_in(request.path)
    found = await services.run(account_queries.page_of_keys, services.engine, user_id, query.cursor, query.limit)
    cursor = found.keys[-1].id if found.more else None
    items = [KeyView.of(key, found.at) for key in found.keys]
    return KeyPage(items=items, next=next_page(request.http, cursor), cursor=cursor)


async def revoke(request: ApiRequest[Nothing, Nothing]) -> KeyView:
    """Revoke a key.

    It is refused from now on; other processes of this service notice within a second. This cannot be undone. Asking
    twice is the same as asking once.
    """
    services, key_id = request.services, key_id_in(request.path)
    key = await services.run(account_queries.revoke_key, services.engine, key_id)
    services.keyring.forget(key_id)
    assert key.revoked_at is not None
    return KeyView.of(key, key.revoked_at)


OPERATIONS = (
    Operation(
        "createKey",
        "POST",
        "/api/v1/users/{user_id}/keys",
        create,
        Scope.ADMIN,
        {
            HTTPStatus.CREATED: Answer(
                NewKeyView, "the key, the only time that all of it is shown", headers={"Cache-Control": "`no-store`"}
            )
        },
        tag="accounts",
        body=KeyBody,
        problems=(Code.USER_NOT_FOUND,),
    ),
    Operation(
        "listKeys",
        "GET",
        "/api/v1/users/{user_id}/keys",
        list_of_user,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(KeyPage, "keys, the oldest first")},
        tag="accounts",
        query=KeysQuery,
        problems=(Code.USER_NOT_FOUND,),
    ),
    Operation(
        "revokeKey",
        "POST",
        "/api/v1/keys/{key_id}/revoke",
        revoke,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(KeyView, "the key, revoked")},
        tag="accounts",
        problems=(Code.KEY_NOT_FOUND,),
    ),
)
