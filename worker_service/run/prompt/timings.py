"""How long an attempt at a job waits, and for what. These are the values of production."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunTimings:
    """The waits of one attempt at a job."""

    deaf_after_s: float = 10.0  # of silence about a prompt that runs, ComfyUI's socket is opened again
    look_every_s: float = 5.0  # into ComfyUI's history, with or without a socket
    # ComfyUI says execution_success up to 5 ms before the history has it, so that the first look may be too early.
    look_soon_s: tuple[float, ...] = (0.02, 0.02, 0.1, 0.5)
    look_again_s: float = 0.5  # while a server does not answer
    unreachable_s: float = 10.0  # a server that does not answer for this long costs the attempt
    refused_s: float = 2.0  # a server that refuses connections for this long has ended, and its queue with it
    publish_every_s: float = 0.1  # progress is published at most this often, first when a prompt runs for as long
    withdraw_every_s: float = 0.5  # a prompt that must go is interrupted this often
    withdraw_shortly_s: float = 5.0  # for the prompt of a job that ends in any case
    withdraw_stalled_s: float = 30.0  # for a prompt that does not move to heed an interrupt
    storage_every_s: float = 5.0  # whether outputs can be stored
    queue_patience_s: float = 25.0  # in a queue that does not move, before another server is looked for
    # ComfyUI writes in place: a file that is half written now may be whole in a moment.
    read_again_s: tuple[float, ...] = (0.2, 1.0, 3.0)
