"""Every message that leaves for the worker: the class is the contract, so nobody needs to import the actor."""

from enum import StrEnum
from typing import Any, ClassVar, Self

import dramatiq
from pydantic import BaseModel


class Queue(StrEnum):
    """An unknown queue waits silently for ever, so there are no other names."""

    COMFY = "comfy"
    WEBHOOKS = "webhooks"
    MAIL = "mail"
    TASKS = "tasks"
    CLEANUP = "cleanup"


class Message(BaseModel, frozen=True, extra="forbid"):
    """A message is its actor's name, its queue and a payload of ids."""

    actor_name: ClassVar[str]
    queue: ClassVar[Queue]

    def to_dramatiq(self, message_id: str | None = None) -> dramatiq.Message[Any]:
        """The message as Dramatiq sends it, under the id given or one of its own."""
        named: dict[str, Any] = {} if message_id is None else {"message_id": message_id}
        return dramatiq.Message(
            queue_name=self.queue.value,
            actor_name=self.actor_name,
            args=(),
            kwargs=self.model_dump(),
            options={},
            **named,
        )

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        return cls.model_validate(payload)


class RunComfyJob(Message):
    """Wake up: a job waits. `job_id` is the job that asked for it; the worker takes the best one there is."""

    actor_name = "run_comfy_job"
    queue = Queue.COMFY

    job_id: int


class DeliverWebhooks(Message):
    """Wake up: endpoints are owed something. Which, the rows say."""

    actor_name = "deliver_webhooks"
    queue = Queue.WEBHOOKS


class SendMail(Message):
    """Wake up: users are owed e-mail. Which, the rows say."""

    actor_name = "send_mail"
    queue = Queue.MAIL


class RunTask(Message):
    """Wake up: a task is due. Which, the rows say."""

    actor_name = "run_task"
    queue = Queue.TASKS


class CleanUp(Message):
    """Wake up: something is to be cleaned up. What, the rows say."""

    actor_name = "clean_up"
    queue = Queue.CLEANUP


MESSAGES: tuple[type[Message], ...] = (RunComfyJob, DeliverWebhooks, SendMail, RunTask, CleanUp)
