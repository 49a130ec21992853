"""A prompt is taken out of ComfyUI, and seen to be gone: neither a delete nor an interrupt says what it did."""

import time
from enum import StrEnum

from shared.jobs.errors import ComfyUIUnreachable, LeaseLost, WorkerStopping
from worker_service.comfyui.answers import Finished, Gone
from worker_service.comfyui.client import ComfyUIClient
from worker_service.run.prompt.mailbox import Mailbox, Signal
from worker_service.run.prompt.timings import RunTimings


class Withdrawal(StrEnum):
    GONE = "gone"  # neither queued nor running there
    STUCK = "stuck"  # still there: some nodes finish before they heed an interrupt, and some never do
    SILENT = "silent"  # the server does not answer


def withdraw(
    client: ComfyUIClient | None, prompt_id: str, mailbox: Mailbox, timings: RunTimings, *, within_s: float
) -> Withdrawal:
    """Ask for it again and again, for at most `within_s`. Raises LeaseLost and WorkerStopping."""
    began_at = answered_at = time.monotonic()
    while client is not None:
        try:
            if isinstance(client.locate(prompt_id), Gone | Finished):
                return Withdrawal.GONE
            client.withdraw(prompt_id)
            answered_at = time.monotonic()
        except ComfyUIUnreachable as error:
            if error.refused:
                return Withdrawal.GONE
        now = time.monotonic()
        if now - answered_at > timings.unreachable_s:
            return Withdrawal.SILENT
        if now - began_at > within_s:
            return Withdrawal.STUCK if answered_at > began_at else Withdrawal.SILENT
        mailbox.wait(timings.withdraw_every_s)
        check_unless_cancelled(mailbox)
    return Withdrawal.SILENT


def check_unless_cancelled(mailbox: Mailbox) -> None:
    """A worker that stops, or has lost the job, does not wait for a prompt to heed its interrupt."""
    if Signal.LEASE_LOST in mailbox.heard:
        raise LeaseLost
    if Signal.STOP in mailbox.heard:
        raise WorkerStopping
