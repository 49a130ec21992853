"""A node pack for ComfyUI without any node: it tells Genonaut Generation each time that a prompt has ended.

Drop this folder into `custom_nodes`. It needs Python's standard library alone, never delays a prompt, and never makes
one fail: what cannot be told is logged, and found out by the service's own looks.
"""

import base64
import hashlib
import hmac
import importlib
import importlib.util
import json
import logging
import os
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NODE_CLASS_MAPPINGS: dict[str, Any] = {}

URL, SECRET = "GENONAUT_WEBHOOK_URL", "GENONAUT_WEBHOOK_SECRET"
PREFIX = "whsec_"
MOST_WAITING = 1000  # prompts that are yet to be told of; the oldest are told first, and what is beyond is dropped
PAUSES_S = (0.5, 2.0)  # before the tries after the first
TIMEOUT_S = 5.0
SERVER_ERROR, TOO_MANY = 500, 429

log = logging.getLogger("genonaut")


class Teller(threading.Thread):
    """Tells of one prompt after the other, in a thread of its own."""

    def __init__(self, url: str, secret: bytes) -> None:
        super().__init__(name="genonaut-teller", daemon=True)
        self.url = url
        self.secret = secret
        self.waiting: queue.Queue[str] = queue.Queue(MOST_WAITING)
        self.opener = urllib.request.build_opener(NoRedirects)

    def tell(self, prompt_id: str) -> None:
        """Have it told soon. Waits for nothing."""
        try:
            self.waiting.put_nowait(prompt_id)
        except queue.Full:
            log.warning("genonaut: too many prompts wait to be told of; prompt %s is not", prompt_id)

    def run(self) -> None:
        while True:
            prompt_id = self.waiting.get()
            try:
                self.tell_now(prompt_id)
            except Exception:  # without this thread no later prompt would be told of
                log.exception("genonaut: prompt %s was not told of", prompt_id)

    def tell_now(self, prompt_id: str) -> None:
        message_id = f"msg_{uuid.uuid4().hex}"
        moment = datetime.now(UTC).isoformat()
        body = json.dumps({"type": "prompt.ended", "timestamp": moment, "data": {"prompt_id": prompt_id}}).encode()
        problem = ""
        for pause_s in (*PAUSES_S, None):
            headers = headers_for(message_id, body, int(time.time()), self.secret)
            try:
                with self.opener.open(
                    urllib.request.Request(self.url, body, headers, method="POST"),
                    timeout=TIMEOUT_S,
                ):
                    return
            except urllib.error.HTTPError as error:
                problem = f"HTTP {error.code}"
                error.close()
                if error.code < SERVER_ERROR and error.code != TOO_MANY:
                    break  # it will not be taken later, either
            except (OSError, ValueError) as error:
                problem = str(error)
            if pause_s is not None:
                time.sleep(pause_s)
        log.warning("genonaut: prompt %s was not told of: %s", prompt_id, problem)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is signed for one address goes to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def headers_for(message_id: str, body: bytes, moment: int, secret: bytes) -> dict[str, str]:
    """As Standard Webhooks 1.0 has them: the secret signs id, moment and body."""
    signed = b".".join([message_id.encode(), str(moment).encode(), body])
    signature = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "genonaut-comfyui-node/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{signature}",
    }


def secret_in(shown: str) -> bytes:
    """Raises ValueError."""
    if not shown.startswith(PREFIX):
        raise ValueError(f"must begin with {PREFIX}")
    return base64.b64decode(shown.removeprefix(PREFIX), validate=True)


def watch(prompt_queue: type[Any], teller: Teller) -> None:
    """From now on each prompt that a queue of this class is done with is told of: after the history has it."""
    original = prompt_queue.task_done

    def task_done(self: Any, item_id: Any, *args: Any, **kwargs: Any) -> Any:
        item = self.currently_running.get(item_id)
        result = original(self, item_id, *args, **kwargs)
        if item is not None:
            teller.tell(str(item[1]))
        return result

    prompt_queue.task_done = task_done


def start(environ: Mapping[str, str]) -> Teller | None:
    """Begin, if this ComfyUI was told where to tell, and with which secret."""
    url, shown = environ.get(URL, "").strip(), environ.get(SECRET, "").strip()
    if not url or not shown:
        log.info("genonaut: %s and %s are not both set, so nobody is told of prompts", URL, SECRET)
        return None
    try:
        teller = Teller(url, secret_in(shown))
    except ValueError as error:
        log.warning("genonaut: %s is not good, so nobody is told of prompts: %s", SECRET, error)
        return None
    watch(importlib.import_module("execution").PromptQueue, teller)
    teller.start()
    log.info("genonaut: %s is told of prompts that end", url)
    return teller


# Where ComfyUI imports it: elsewhere there is no such module.
if importlib.util.find_spec("execution") is not None:
    start(os.environ)
