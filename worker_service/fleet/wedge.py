"""A ComfyUI whose one thread has died answers everything and runs nothing: its queue shows it, and when it is over.

The sign is an empty `queue_running` beside a `queue_pending` that is not. Between two prompts a healthy server shows
the same for an instant, so the prompt that is next must still wait after several looks.
"""

import time
from typing import Any
from uuid import uuid4

from worker_service.comfyui.answers import Queue, Waiting
from worker_service.comfyui.client import ComfyUIClient

LOOKS = 3  # with one every 5 s a wedge is known after 10 to 15 s
CANARY = "genonaut-canary-"
ITS_TURN_S = 1.0  # a server that is well and idle comes to a prompt in milliseconds
GRAPH: dict[str, dict[str, Any]] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}


class Sign:
    """What the looks at one server's queue have shown so far."""

    def __init__(self) -> None:
        self.next_one: str | None = None
        self.looks = 0

    def look(self, queue: Queue) -> bool:
        """Whether the server is wedged: nothing runs, and the prompt that was next some looks ago still waits."""
        if queue.running or not queue.pending:
            self.next_one, self.looks = None, 0
        elif self.next_one in queue.pending:
            self.looks += 1
        else:
            self.next_one, self.looks = queue.pending[0], 1
        return self.looks >= LOOKS


def runs_again(client: ComfyUIClient) -> bool:
    """Whether a server that was wedged works again: a small prompt of ours, left in its queue, gets its turn.

    Our jobs were taken out of that queue, so without it an empty queue would look like a healthy one. The prompt
    is run by a server that lives, and gone from one that was restarted.
    """
    left = [prompt_id for prompt_id in client.queue().pending if prompt_id.startswith(CANARY)]
    if not left:
        left = [f"{CANARY}{uuid4()}"]
        client.submit(GRAPH, prompt_id=left[0], client_id=left[0])
        time.sleep(ITS_TURN_S)
    return not isinstance(client.locate(left[0]), Waiting)
