"""No message was given up: Dramatiq keeps those that failed too often for a week, as dead letters."""

from collections.abc import Iterator

from deploy.doctor.finding import Finding, ok, warning
from deploy.doctor.installation import Installation
from shared.messaging.messages import Queue

SUBJECT = "messages"
DEAD = "XQ"  # Dramatiq's name for the queue beside each queue


def look(installation: Installation) -> Iterator[Finding]:
    broker = installation.messenger.broker
    dead = {queue: int(broker.client.zcard(f"{broker.namespace}:{queue}.{DEAD}")) for queue in Queue}
    for queue, number in dead.items():
        if number:
            yield warning(
                SUBJECT,
                f"{number} messages of the queue {queue} were given up in the last week",
                "Look for `Failed to process message` in workers' logs; nothing is lost, as wake-ups come again",
            )
    if not any(dead.values()):
        yield ok(SUBJECT, "none was given up")
