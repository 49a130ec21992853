"""A ComfyUI whose one thread has died answers everything and runs nothing: its queue shows when that is so.

There are two signs. A thread that died before it took a prompt leaves an empty `queue_running` beside a `queue_pending`
that is not empty. Between two prompts a healthy server shows the same for an instant, so the prompt that is next must
still wait after several probes. A thread that died while it ran a prompt leaves that prompt in `queue_running` for
ever, as a long node does: then only the server's own log can tell, see `worker_service.comfyui.server_log`.
"""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from shared.jobs.errors import WorkflowRejected
from worker_service.comfyui.answers import Queue, Waiting
from worker_service.comfyui.client import ComfyUIClient

PROBES = 3  # with one every 5 s a wedge is known after 10 to 15 s
# By this beginning every worker knows a canary, also one that another worker left. Newer ComfyUI takes only UUIDs, and
# version 8 of those (RFC 9562) leaves all but two digits to whoever makes one.
CANARY = "67656e6f-6361-8"
Graph = dict[str, dict[str, Any]]
# Of core nodes alone. A server that refuses the first may know the second.
GRAPHS: tuple[Graph, ...] = (
    {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    },
    {
        "1": {"class_type": "PrimitiveInt", "inputs": {"value": 1}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    },
)


class WedgeDetector:
    """What one server's queue has shown so far."""

    def __init__(self) -> None:
        self.next_one: str | None = None
        self.probes = 0

    def sees_wedge(self, queue: Queue) -> bool:
        """Whether the server is wedged: nothing runs, and the prompt that was next some probes ago still waits."""
        if queue.running or not queue.pending:
            self.next_one, self.probes = None, 0
        elif self.next_one in queue.pending:
            self.probes += 1
        else:
            self.next_one, self.probes = queue.pending[0], 1
        return self.probes >= PROBES


class RunningPrompt:
    """Which prompt a server runs, since when, and when this worker last heard of it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.id: str | None = None
        self.since = clock()
        self.heard: dict[str, float] = {}  # prompts that this worker listens to, and when something was last heard

    def see(self, queue: Queue) -> None:
        running = queue.running[0] if queue.running else None
        if running != self.id:
            self.id, self.since = running, self.clock()

    @property
    def unmoved_s(self) -> float:
        """For how long it has been the same one; 0 while none runs."""
        return self.clock() - self.since if self.id else 0.0

    @property
    def silent_s(self) -> float:
        """For how long nothing has been heard of it; for as long as it runs if nobody here listens."""
        return self.clock() - max(self.since, self.heard.get(self.id, 0.0)) if self.id else 0.0

    @property
    def is_listened_to(self) -> bool:
        return self.id in self.heard


def canary_id() -> str:
    drawn = str(uuid4())
    return CANARY + drawn[len(CANARY) :]


def is_canary(prompt_id: str) -> bool:
    return prompt_id.startswith(CANARY)


def runs_again(client: ComfyUIClient, wait_s: float) -> bool:
    """Whether a server that was wedged works again: a small prompt, left in its queue, gets its turn within `wait_s`.

    The jobs were taken out of that queue, so without the small prompt an empty queue would look like a healthy one. One
    that waits there already is looked for first, also if another worker left it. Raises WorkflowRejected if the server
    takes none of ours.
    """
    left = [prompt_id for prompt_id in client.queue().pending if is_canary(prompt_id)]
    canary = left[0] if left else send_canary(client)
    pauses_s = [] if left else [wait_s / 8, wait_s / 8, wait_s / 4, wait_s / 2]
    while isinstance(client.locate(canary), Waiting):
        if not pauses_s:
            return False
        time.sleep(pauses_s.pop(0))
    return True


def send_canary(client: ComfyUIClient) -> str:
    for number, graph in enumerate(GRAPHS, start=1):
        canary = canary_id()
        try:
            client.submit(graph, prompt_id=canary, client_id=canary)
        except WorkflowRejected:
            if number == len(GRAPHS):
                raise
        else:
            return canary
    raise AssertionError("the last one is sent or refused")
