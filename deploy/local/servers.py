"""PostgreSQL and Valkey are those that the environment names, else ones started here and stopped again."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import KeptPorts
from deploy.local.postgres import Postgres, create_database, drop_database, named
from deploy.local.programs import Places
from deploy.local.valkey import Valkey


@dataclass(frozen=True)
class Servers:
    """Where the two servers are: `postgresql+psycopg2://user:password@host:port/name` and `redis://host:port/0`.

    The servers that were started here stand beside their URLs, None where the environment named one.
    """

    database_url: str
    redis_url: str
    postgres: Postgres | None = None
    valkey: Valkey | None = None

    def create_database(self, name: str, template: str | None = None) -> str:
        """The URL of the database of that name, made (as a copy of `template`) if there is none yet."""
        create_database(self.database_url, name, template)
        return named(self.database_url, name)

    def drop_database(self, name: str) -> None:
        """Drop a database if there is one, and end the connections to it."""
        drop_database(self.database_url, name)

    def redis(self, database: int) -> str:
        """The URL of another database of the Redis server."""
        return named(self.redis_url, str(database))


@contextmanager
def local_servers(
    directory: Path,
    *,
    durable: bool,
    environ: Mapping[str, str],
    database: str = "genonaut",
    ports: KeptPorts | None = None,
) -> Iterator[Servers]:
    """Two servers, for as long as the `with` block lasts. Their data and logs are kept below `directory`.

    DATABASE_URL and REDIS_URL in `environ` name servers to use instead; nothing is started for these. `database` is
    made if it is not there. With durable=False data made by this run is removed at the end. With `ports` they listen
    where they did in the last run. Raises what Postgres.start and Valkey.start raise.
    """
    places = Places.of(environ)
    database_url, redis_url = environ.get("DATABASE_URL"), environ.get("REDIS_URL")
    postgres = valkey = None
    with ExitStack() as stack:
        if not database_url:
            data, log = directory / "postgres", directory / "postgres.log"
            kept = ports.of("postgres") if ports else None
            postgres = stack.enter_context(Postgres.start(data, log, durable=durable, places=places, ports=kept))
            postgres.create_database(database)
            database_url = postgres.url(database)
        if not redis_url:
            kept = ports.of("valkey") if ports else None
            valkey = stack.enter_context(
                Valkey.start(directory / "valkey", directory / "valkey.log", places=places, ports=kept)
            )
            redis_url = valkey.url()
        if ports:
            keep(ports, postgres=postgres, valkey=valkey)
        yield Servers(database_url, redis_url, postgres, valkey)


def keep(ports: KeptPorts, **started: Postgres | Valkey | None) -> None:
    """The next run gets the ports of what was started in this one."""
    for name, server in started.items():
        if server:
            ports.keep(name, server.port)
