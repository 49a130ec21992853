"""`python -m api_service.accounts.keys`: make, list and revoke keys, for those who can reach the database."""

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.imports import importing

with importing():
    from sqlalchemy import Engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlmodel import Session

    from shared.accounts import keys, users
    from shared.accounts.browsers import create_code, link_with
    from shared.accounts.keys import KeyTerms, state_of
    from shared.configuration.settings import settings_or_exit
    from shared.configuration.types import duration
    from shared.configuration.urls.listening import reached_at
    from shared.database.clock import database_time
    from shared.database.engine import create_engine, transaction
    from shared.models import ApiKey, Scope, User, stands_alone
    from shared.texts.reasons import driver_reason

LONGEST_LIFE = timedelta(days=1000 * 365)

EPILOG = """examples:
  python -m api_service.accounts.keys create --user anna --name laptop --expires 90d
  python -m api_service.accounts.keys create --user ops --name console --scope admin
  python -m api_service.accounts.keys create --user anna --user-id 0b9f...  (names an owner of migrated jobs)
  python -m api_service.accounts.keys list --user anna
  python -m api_service.accounts.keys revoke k3x0q2m9a1zb
  python -m api_service.accounts.keys link --user anna --scope admin

Exit status: 0 done, 1 not done, 2 the command or a setting is wrong."""


class NotDone(Exception):
    """What was asked cannot be done; the sentence says why."""


def main() -> int:
    arguments = parse(sys.argv[1:])
    engine = create_engine(settings_or_exit(), application="keys", connections=1)
    try:
        arguments.command(engine, arguments)
    except NotDone as error:
        return complain(str(error))
    except SQLAlchemyError as error:
        return complain(driver_reason(error))
    finally:
        engine.dispose()
    return 0


def complain(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m api_service.accounts.keys",
        description="Make, list and revoke API keys in the database of DATABASE_URL (or DATABASE_URL_<APP_ENV>).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="create|list|revoke|link")
    add_create(commands)
    listing = commands.add_parser("list", help="list keys, without their secrets")
    listing.add_argument("--user", metavar="NAME", type=name, help="only this user's")
    listing.set_defaults(command=list_keys)
    revoking = commands.add_parser("revoke", help="revoke a key; takes effect within one second")
    revoking.add_argument("id", type=key_id, help="the key's id: the part between gn_ and the next _")
    revoking.set_defaults(command=revoke)
    add_link(commands)
    return parser.parse_args(words)


def add_create(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    creating = commands.add_parser("create", help="make a key and print it, this once")
    creating.add_argument("--user", metavar="NAME", type=name, help="whose it is; made if there is no such user")
    creating.add_argument(
        "--user-id",
        metavar="UUID",
        type=UUID,
        help="an existing user, such as the owner of migrated jobs; with --user, one that has no name of its own yet"
        " gets that name",
    )
    creating.add_argument(
        "--name", default="command line", type=name, help="what the key is for (default: %(default)s)"
    )
    creating.add_argument(
        "--scope",
        action="append",
        dest="scopes",
        choices=[str(scope) for scope in Scope],
        help="what it may do; may be repeated (default: jobs:read and jobs:write)",
    )
    creating.add_argument(
        "--expires",
        metavar="WHEN",
        type=moment,
        help="after a time (30m, 12h, 90d, 4w) or at a date or time (2027-01-31, 2027-01-31T12:00+01:00; UTC unless it"
        " says so); never, unless said",
    )
    creating.set_defaults(command=create)


def add_link(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    linking = commands.add_parser("link", help="print a link that signs one browser in, once, within ten minutes")
    linking.add_argument("--user", metavar="NAME", type=name, required=True, help="who; made if there is no such user")
    linking.add_argument(
        "--scope",
        action="append",
        dest="scopes",
        choices=[Scope.READ, Scope.WRITE, Scope.ADMIN],
        help="what the browser may do; may be repeated (default: jobs:read and jobs:write)",
    )
    linking.set_defaults(command=link)


def name(text: str) -> str:
    if not 1 <= len(text.strip()) == len(text) <= 255 or "\0" in text or not text.isprintable():
        raise argparse.ArgumentTypeError("1 to 255 characters, without white space at its ends")
    return text


def key_id(text: str) -> str:
    """The id, also where somebody sent the whole key."""
    found = re.fullmatch(r"(?:gn_)?([a-z0-9]{1,32})(?:_[A-Za-z0-9_-]+)?", text)
    if not found:
        raise argparse.ArgumentTypeError("an id such as k3x0q2m9a1zb")
    return found[1]


def moment(text: str) -> datetime | timedelta:
    """A moment, or a time from now. Raises ArgumentTypeError."""
    try:
        if text.endswith(("m", "h", "d", "w")):
            return within_a_lifetime(duration(text))
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("a time such as 12h or 90d, or a date such as 2027-01-31") from None


def within_a_lifetime(time: timedelta) -> timedelta:
    if time > LONGEST_LIFE:
        raise ValueError("no key lives that long")
    return time


def create(engine: Engine, arguments: argparse.Namespace) -> None:
    scopes = [Scope(scope) for scope in arguments.scopes or (Scope.READ, Scope.WRITE)]
    if not stands_alone(scopes):
        raise NotDone("A key with the scope native has no other: it is part of an address, as in http://HOST/c/KEY/")
    with transaction(engine) as session:
        user = owner(session, arguments.user, arguments.user_id)
        expires_at = in_the_future(arguments.expires, database_time(session))
        made = keys.create_key(session, user.id, KeyTerms(arguments.name, scopes, expires_at))
    # The key alone on stdout, so that a script can take it.
    sys.stderr.write(f"A key of {user.name} ({user.id}) with {', '.join(scopes)}. It is shown this once:\n")
    sys.stdout.write(f"{made.token}\n")


def in_the_future(given: datetime | timedelta | None, now: datetime) -> datetime | None:
    """When a key expires, by the database's clock. Raises NotDone if that has passed."""
    at = now + given if isinstance(given, timedelta) else given
    if at is not None and at <= now:
        raise NotDone(f"--expires must be in the future: {shown(at)} has passed by the database's clock")
    return at


def owner(session: Session, called: str | None, user_id: UUID | None) -> User:
    """The user that is meant. Raises NotDone if the two do not go together."""
    if user_id is None:
        if called is None:
            raise NotDone("Say whose key it is to be: --user NAME, or --user-id UUID")
        return users.user_named(session, called)
    user = session.get(User, user_id)
    if user is None:
        raise NotDone(f"There is no user with the id {user_id}")
    if called is not None and called != user.name:
        if user.name != f"user-{user_id}":  # as the migration named it
            raise NotDone(f"The user {user_id} is called {user.name!r}, not {called!r}")
        if users.find_user(session, called):
            raise NotDone(f"Another user is called {called!r} already")
        user.name = called
    return user


def list_keys(engine: Engine, arguments: argparse.Namespace) -> None:
    with transaction(engine) as session:
        user = users.find_user(session, arguments.user) if arguments.user else None
        if arguments.user and not user:
            raise NotDone(f"There is no user called {arguments.user!r}")
        found, now = keys.list_keys(session, user.id if user else None), database_time(session)
    rows = [HEADINGS, *(row_of(key, user, now) for key, user in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        sys.stdout.write("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n")


HEADINGS = ("ID", "USER", "NAME", "SCOPES", "CREATED", "EXPIRES", "LAST USED", "STATE")


def row_of(key: ApiKey, user: User, now: datetime) -> tuple[str, ...]:
    times = (shown(key.created_at), shown(key.expires_at), shown(key.last_used_at))
    return (key.id, user.name, key.name, ",".join(key.scopes), *times, state_of(key, now))


def shown(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ") if at else "never"


def revoke(engine: Engine, arguments: argparse.Namespace) -> None:
    with transaction(engine) as session:
        key = keys.revoke_key(session, arguments.id)
    if key is None:
        raise NotDone(f"There is no key with the id {arguments.id}")
    sys.stdout.write(f"The key {key.id} ({key.name}) is revoked since {shown(key.revoked_at)}.\n")


def link(engine: Engine, arguments: argparse.Namespace) -> None:
    scopes = [Scope(scope) for scope in arguments.scopes or (Scope.READ, Scope.WRITE)]
    with transaction(engine) as session:
        code = create_code(session, users.user_named(session, arguments.user).id, scopes)
    settings = settings_or_exit()
    base = settings.public_url or f"http://{reached_at(settings.api_host)}:{settings.api_port}{settings.root_path}"
    sys.stdout.write(f"{link_with(str(base), code)}\n")


if __name__ == "__main__":
    sys.exit(main())
