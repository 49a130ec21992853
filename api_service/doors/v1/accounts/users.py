"""Users, as an admin sees and makes them."""

from http import HTTPStatus
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from starlette.responses import Response

from api_service.accounts import accounts
from api_service.doors.v1.accounts.bodies import UserBody, UserChange, UsersQuery, user_id_in
from api_service.doors.v1.accounts.views import UserList, UserView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Call, Nothing, Operation
from api_service.refusals.accounts import name_taken, user_not_found
from api_service.refusals.codes import Code
from shared.database.engine import transaction
from shared.models import Scope, User

USERS = "/api/v1/users"


async def create(call: Call[UserBody, Nothing]) -> Response:
    """Make a user.

    It owns jobs; to submit some, it needs a key.
    """
    user = await call.services.run(create_user, call.services.engine, call.body)
    if user is None:
        raise name_taken(call.body.name)
    return answer_with(UserView.of(user), HTTPStatus.CREATED, Location=f"{USERS}/{user.id}")


def create_user(engine: Engine, body: UserBody) -> User | None:
    with transaction(engine) as session:
        return accounts.create_user(session, body.name, body.running_jobs_limit)


async def list_all(call: Call[Nothing, UsersQuery]) -> Response:
    """List users by name."""
    view = await call.services.run(page_of_users, call.services.engine, call.query)
    return answer_with(view)


def page_of_users(engine: Engine, query: UsersQuery) -> UserList:
    with transaction(engine) as session:
        users = accounts.list_users(session, query.after, query.limit + 1)
    shown = users[: query.limit]
    return UserList(
        users=[UserView.of(user) for user in shown], next=shown[-1].name if len(users) > len(shown) else None
    )


async def show(call: Call[Nothing, Nothing]) -> Response:
    """Show a user."""
    user_id = user_id_in(call.request.path_params)
    user = await call.services.run(read_user, call.services.engine, user_id)
    if user is None:
        raise user_not_found(user_id)
    return answer_with(UserView.of(user))


def read_user(engine: Engine, user_id: UUID) -> User | None:
    with transaction(engine) as session:
        return session.get(User, user_id)


async def change(call: Call[UserChange, Nothing]) -> Response:
    """Change a user's name or limit of running jobs.

    A lower limit stops nothing that runs. What is absent stays as it is.
    """
    user_id = user_id_in(call.request.path_params)
    user = await call.services.run(change_user, call.services.engine, user_id, call.body)
    if user is None:
        raise user_not_found(user_id)
    return answer_with(UserView.of(user))


def change_user(engine: Engine, user_id: UUID, body: UserChange) -> User | None:
    """The user as changed; None if there is none. Raises Refusal 409 if another has the name."""
    try:
        with transaction(engine) as session:
            return accounts.change_user(session, user_id, body.given())
    except IntegrityError:
        raise name_taken(body.name) from None


OPERATIONS = (
    Operation(
        "createUser",
        "POST",
        USERS,
        create,
        Scope.ADMIN,
        {HTTPStatus.CREATED: Answer(UserView, "the user", headers={"Location": "where the user is"})},
        tag="accounts",
        body=UserBody,
        problems=(Code.NAME_TAKEN,),
    ),
    Operation(
        "listUsers",
        "GET",
        USERS,
        list_all,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(UserList, "users by name")},
        tag="accounts",
        query=UsersQuery,
    ),
    Operation(
        "showUser",
        "GET",
        f"{USERS}/{{user_id}}",
        show,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(UserView, "the user")},
        tag="accounts",
        problems=(Code.USER_NOT_FOUND,),
    ),
    Operation(
        "changeUser",
        "PATCH",
        f"{USERS}/{{user_id}}",
        change,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(UserView, "the user as it is now")},
        tag="accounts",
        body=UserChange,
        problems=(Code.USER_NOT_FOUND, Code.NAME_TAKEN),
    ),
)
