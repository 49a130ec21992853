"""What clients ask of Redis, as Redis saw it."""

import redis


def commands_until_the_end(monitor: redis.client.Monitor) -> list[str]:
    """The commands until somebody echoes "the end"; not what scripts do."""
    commands = []
    for command in monitor.listen():  # type: ignore[no-untyped-call]  # redis leaves it untyped
        if command["command"] == "ECHO the end":
            break
        if command["client_type"] != "lua":
            commands.append(command["command"])
    return commands
