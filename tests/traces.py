"""Where in a deployment a text has left a trace."""

from pathlib import Path

import redis
from sqlalchemy import Engine, exists, func, inspect, literal_column, select, table, types


def tables_with(engine: Engine, needle: str) -> list[str]:
    """The tables that hold the text in some row."""
    found = []
    with engine.connect() as connection:
        for name in sorted(inspect(engine).get_table_names()):
            row = literal_column(f'"{name}"::text', types.Text)
            rows = select(1).select_from(table(name)).where(func.strpos(row, needle) > 0)
            if connection.scalar(select(exists(rows))):
                found.append(name)
    return found


def keys_with(client: redis.Redis, namespace: str, needle: str) -> list[bytes]:
    """The keys of a namespace that hold the text."""
    return [key for key in client.scan_iter(f"{namespace}*") if needle in value_of(client, key)]


def value_of(client: redis.Redis, key: bytes) -> str:
    match client.type(key):
        case b"hash":
            return str(client.hgetall(key))
        case b"list":
            return str(client.lrange(key, 0, -1))
        case b"set":
            return str(client.smembers(key))
        case b"zset":
            return str(client.zrange(key, 0, -1))
        case _:
            return str(client.get(key))


def files_with(folder: Path, needle: str) -> list[Path]:
    """The files below a folder that hold the text, or have it in their names."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if needle in str(path.relative_to(folder)) or needle.encode() in path.read_bytes()]
