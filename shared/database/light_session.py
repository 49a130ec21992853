"""What stands for a session while only prepared statements are asked of it: these need its connection and no more.

To make and end a session of SQLAlchemy takes longer than a statement does.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, cast

from sqlalchemy import Connection
from sqlmodel import Session

Connect = Callable[[ExitStack], Connection]
Make = Callable[[ExitStack, Connection], Session]


class LightSession:
    """Whatever else is asked of it is asked of a session on the same connection, which is made then.

    Both are entered in the stack that is handed on to `connect` and `make`, and end with it.
    """

    def __init__(self, stack: ExitStack, connect: Connect, make: Make) -> None:
        self.stack = stack
        self.connect = connect
        self.make = make
        self.info: dict[Any, Any] = {}  # as a session has it
        self.connected: Connection | None = None
        self.made: Session | None = None

    @property
    def as_session(self) -> Session:
        return cast("Session", self)

    def connection(self, *_arguments: Any, **_options: Any) -> Connection:
        if self.connected is None:
            self.connected = self.connect(self.stack)
        return self.connected

    def __getattr__(self, name: str) -> Any:
        if self.made is None:
            self.made = self.make(self.stack, self.connection())
        return getattr(self.made, name)
