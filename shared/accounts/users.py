"""Users: made, found, changed and listed."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Uuid, bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import NoResultFound
from sqlmodel import Session, col, select

from shared.accounts.quotas import accepted_of
from shared.database.prepared_rows import row_with, whole_rows
from shared.models import User

THIS_USER = bindparam("this_user", type_=Uuid)
READ_USER = whole_rows("read_user", User, col(User.id) == THIS_USER)
READ_SUBMITTER = row_with("read_submitter", User, accepted_of(THIS_USER), col(User.id) == THIS_USER)


def read_user(session: Session, user_id: UUID) -> User:
    """A user that is there, for those who change nothing. Raises NoResultFound."""
    found = READ_USER.one_or_none(session, {THIS_USER.key: user_id})
    if found is None:
        raise NoResultFound
    return found


def read_submitter(session: Session, user_id: UUID) -> tuple[User, int]:
    """The same, and how many of the user's jobs were ever accepted, as `shared.accounts.quotas` counts them."""
    found = READ_SUBMITTER.one_or_none(session, {THIS_USER.key: user_id})
    if found is None:
        raise NoResultFound
    return found


def user_named(session: Session, name: str) -> User:
    """The user of that name, made now if there is none."""
    create_user(session, name)
    return session.exec(select(User).where(User.name == name)).one()


def find_user(session: Session, name: str) -> User | None:
    return session.exec(select(User).where(User.name == name)).one_or_none()


def create_user(session: Session, name: str, **columns: Any) -> User | None:
    """Make a user, with other columns if they are given. None if somebody has the name already."""
    values = {"id": uuid4(), "name": name, **columns}
    statement = insert(User).values(values).on_conflict_do_nothing(index_elements=["name"]).returning(User)
    return session.scalars(statement).one_or_none()


def change_user(session: Session, user_id: UUID, values: Mapping[str, Any]) -> User | None:
    """Change a user's columns. None if there is no such user. Raises IntegrityError if another has the name."""
    user = session.get(User, user_id, with_for_update=True)
    if user is not None:
        user.sqlmodel_update(dict(values))
        session.flush()
    return user


def list_users(session: Session, after: str | None, limit: int) -> Sequence[User]:
    """Users by name, after the one named."""
    users = select(User).order_by(col(User.name)).limit(limit)
    return session.exec(users if after is None else users.where(User.name > after)).all()
