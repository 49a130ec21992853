"""The words that a variable can be, where it is one of a few."""

from enum import StrEnum
from typing import NamedTuple


class AppEnv(StrEnum):
    DEV = "dev"
    DEMO = "demo"
    TEST = "test"
    PROD = "prod"


class LogFormat(StrEnum):
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Fairness(StrEnum):
    """Whose job goes first, of those that are as urgent as each other."""

    USERS = "users"  # users take turns
    NONE = "none"  # the oldest job goes first


class Sharing(NamedTuple):
    """How users share the servers. `is_fair`: they take turns. `running_jobs`: so many of one may run at once, unless
    the user's row has another limit; None for no limit."""

    is_fair: bool = True
    running_jobs: int | None = None


IN_TURNS = Sharing()


class Pooler(StrEnum):
    """What stands between the services and PostgreSQL."""

    NONE = "none"
    TRANSACTION = "transaction"  # each transaction may be on another connection, as with PgBouncer's pool_mode
