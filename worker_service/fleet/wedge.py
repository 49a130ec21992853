"""A ComfyUI whose one thread has died answers everything and runs nothing: its queue shows when that is so.

A wedged server has an empty `queue_running` beside a `queue_pending` that is not empty. Between two prompts a healthy
server shows the same for an instant, so the prompt that is next must still wait after several probes.
"""

import time
from typing import Any
from uuid import uuid4

from worker_service.comfyui.answers import Queue, Waiting
from worker_service.comfyui.client import ComfyUIClient

PROBES = 3  # with one every 5 s a wedge is known after 10 to 15 s
CANARY = "genonaut-canary-"
GRAPH: dict[str, dict[str, Any]] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}


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


def runs_again(client: ComfyUIClient, wait_s: float) -> bool:
    """Whether a server that was wedged works again: a small prompt, left in its queue, gets its turn.

    The jobs were taken out of that queue, so without the small prompt an empty queue would look like a healthy one.
    A server that works runs the prompt, and one that was restarted has forgotten it. A new one is given `wait_s`.
    """
    left = [prompt_id for prompt_id in client.queue().pending if prompt_id.startswith(CANARY)]
    if not left:
        left = [f"{CANARY}{uuid4()}"]
        client.submit(GRAPH, prompt_id=left[0], client_id=left[0])
        time.sleep(wait_s)
    return not isinstance(client.locate(left[0]), Waiting)
