"""What clients ask of Redis, as Redis saw it."""

import redis


def commands_until_the_end(monitor: redis.client.Monitor, namespace: str) -> list[str]:
    """The commands until somebody echoes "the end"; not what scripts do, nor what clients of other namespaces ask."""
    asked = []
    for command in monitor.listen():  # type: ignore[no-untyped-call]  # redis leaves it untyped
        if command["command"] == "ECHO the end":
            break
        if command["client_type"] != "lua":
            asked.append(((command["client_address"], command["client_port"]), command["command"]))
    ours = {client for client, command in asked if namespace in command}
    return [command for client, command in asked if client in ours]
