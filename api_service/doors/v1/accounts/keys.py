"""Keys, as an admin makes, lists and revokes them."""

from http import HTTPStatus
from uuid import UUID

from sqlalchemy import Engine
from starlette.responses import Response

from api_service.accounts import accounts
from api_service.accounts.accounts import NewKey
from api_service.doors.v1.accounts.bodies import KeyBody, KeysQuery, key_id_in, user_id_in
from api_service.doors.v1.accounts.views import KeyList, KeyView, NewKeyView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Call, Nothing, Operation
from api_service.refusals.accounts import key_not_found, user_not_found
from api_service.refusals.codes import Code
from shared.database.engine import transaction
from shared.models import ApiKey, Scope, User


async def create(call: Call[KeyBody, Nothing]) -> Response:
    """Make a key for a user.

    The answer has the whole key, which cannot be shown again: only a hash of it is kept.
    """
    user_id = user_id_in(call.request.path_params)
    made = await call.services.run(create_key, call.services.engine, user_id, call.body)
    if made is None:
        raise user_not_found(user_id)
    return answer_with(NewKeyView.made(made), HTTPStatus.CREATED, **{"Cache-Control": "no-store"})


def create_key(engine: Engine, user_id: UUID, body: KeyBody) -> NewKey | None:
    with transaction(engine) as session:
        if session.get(User, user_id) is None:
            return None
        return accounts.create_key(
            session,
            user_id,
            body.name,
            scopes=body.scopes,
            expires_at=body.expires_at,
            limits=body.limits.given(),
        )


async def list_of_user(call: Call[Nothing, KeysQuery]) -> Response:
    """List the keys of a user.

    Also those that are no longer good. Secrets are not shown.
    """
    user_id = user_id_in(call.request.path_params)
    view = await call.services.run(page_of_keys, call.services.engine, user_id, call.query)
    if view is None:
        raise user_not_found(user_id)
    return answer_with(view)


def page_of_keys(engine: Engine, user_id: UUID, query: KeysQuery) -> KeyList | None:
    with transaction(engine) as session:
        if session.get(User, user_id) is None:
            return None
        keys = accounts.keys_of(session, user_id, query.after, query.limit + 1)
    shown = keys[: query.limit]
    return KeyList(keys=[KeyView.of(key) for key in shown], next=shown[-1].id if len(keys) > len(shown) else None)


async def revoke(call: Call[Nothing, Nothing]) -> Response:
    """Revoke a key.

    It is good for nothing from now on; other processes of this service notice within a second. This cannot be taken
    back. Asking twice is the same as asking once.
    """
    key_id = key_id_in(call.request.path_params)
    key = await call.services.run(revoke_key, call.services.engine, key_id)
    if key is None:
        raise key_not_found(key_id)
    call.services.keyring.forget(key_id)
    return answer_with(KeyView.of(key))


def revoke_key(engine: Engine, key_id: str) -> ApiKey | None:
    with transaction(engine) as session:
        return accounts.revoke_key(session, key_id)


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
        {HTTPStatus.OK: Answer(KeyList, "keys, the oldest first")},
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
