"""Where a server of this machine is reached that listens on a host: that may be all of its addresses."""


def reached_at(host: str) -> str:
    """The host of a URL that leads there from this machine."""
    match host:
        case "0.0.0.0":  # noqa: S104 - nothing is bound to it here
            return "127.0.0.1"
        case "::":
            return "[::1]"
        case _:
            return f"[{host}]" if ":" in host else host
