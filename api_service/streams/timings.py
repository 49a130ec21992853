"""How long streams wait, live and repeat: `main` passes the defaults, tests pass tenths of a second."""

from dataclasses import dataclass, field

from api_service.streams.tickets import TicketTimings


@dataclass(frozen=True)
class StreamTimings:
    """Times of WebSockets, server-sent events and their tickets, with the unit in each name."""

    send_timeout_s: float = 10.0  # a client that takes longer to accept one event is too slow
    close_timeout_s: float = 5.0  # how long a client that was too slow has to accept the reason
    comment_after_s: float = 15.0  # without an event: a comment shows that the stream lives
    progress_every_s: float = 0.5  # where a door tells of progress no more often than this
    ping_interval_s: float = 15.0  # of WebSockets
    reconnect_after_ms: int = 2000  # how long an EventSource waits before it connects again
    catch_up_s: float = 5.0  # how late an event may come that Redis lost
    redis_silence_s: float = 10.0  # after this long without an answer to a ping, Redis's connection counts as dead
    previews_after_s: float = 0.1  # how late a client that asks for previews is subscribed to them
    rights_check_s: float = 2.0  # how often keys and tickets of open streams are looked at
    ready_kept_s: float = 0.3  # for how long one answer of `/health/ready` serves everybody who asks
    tickets: TicketTimings = field(default_factory=TicketTimings)
    seen_every_s: float = 1.0  # how often what owners have seen of their jobs' ends is written down
    native_status_s: float = 8.0  # clients of ComfyUI connect again after ten seconds in which nothing was said
    native_turn_s: float = 30.0  # how long one that asks too often waits for its turn before it is refused
    images_wait_s: int = 570  # OpenAI's clients wait ten minutes for a picture
    count_within_s: float = 0.3  # how long to wait for the rate counter before a request passes uncounted
