"""Users, as an admin sees and makes them."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.accounts import account_queries
from api_service.doors.binding import ApiRequest
from api_service.doors.v1.accounts.bodies import UserBody, UserChange, UsersQuery, user_id_in
from api_service.doors.v1.accounts.views import UserPage, UserView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import next_page
from api_service.refusals.codes import Code
from shared.models import Scope

USERS = "/api/v1/users"


async def create(request: ApiRequest[UserBody, Nothing]) -> Response:
    """Make a user.

    It owns jobs; to submit some, it needs a key.
    """
    columns = request.body.columns()
    user = await request.services.run(account_queries.create_user, request.services.engine, columns)
    return answer_with(UserView.of(user), HTTPStatus.CREATED, Location=f"{USERS}/{user.id}")


async def list_all(request: ApiRequest[Nothing, UsersQuery]) -> UserPage:
    """List users by name."""
    services, query = request.services, request.query
    users, more = await services.run(account_queries.page_of_users, services.engine, query.cursor, query.limit)
    cursor = users[-1].name if more else None
    items = [UserView.of(user) for user in users]
    return UserPage(items=items, next=next_page(request.http, cursor), cursor=cursor)


async def show(request: ApiRequest[Nothing, Nothing]) -> UserView:
    """Show a user."""
    user_id = user_id_in(request.path)
    return UserView.of(await request.services.run(account_queries.find_user, request.services.engine, user_id))


async def change(request: ApiRequest[UserChange, Nothing]) -> UserView:
    """Change a user's name, weight, limit of running jobs, budget, or for how long what is kept.

    A lower limit or budget stops nothing that waits or runs. What is absent stays as it is. What is older than it is to
    be kept goes within an hour.
    """
    services, user_id = request.services, user_id_in(request.path)
    values = request.body.changes()
    return UserView.of(await services.run(account_queries.change_user, services.engine, user_id, values))


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
        {HTTPStatus.OK: Answer(UserPage, "users by name")},
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
