"""A job that named a webhook of its own has its end told there, whatever becomes of other receivers."""

import pytest
from sqlalchemy import Engine
from standardwebhooks.webhooks import WebhookVerificationError

from api_service.webhooks.of_jobs import draw_secret
from shared.jobs import lifecycle
from shared.jobs.errors import NodeFailed
from shared.messaging.messenger import Messenger
from shared.models import DeliveryState
from shared.webhooks.own import OwnWebhook, record_webhooks
from shared.webhooks.signing import drawn_secret
from tests.jobs import USER, output, running
from tests.raw_server import RawServer, answer, raw_server
from tests.webhooks import deliveries, endpoint, endpoint_row, make_due, verified
from worker_service.webhooks.sender import Deliveries


def completed(messenger: Messenger, webhook: OwnWebhook | None) -> int:
    claim = running(messenger)
    with messenger.transaction() as session:
        record_webhooks(session, USER, [(claim.job.id, webhook)])
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    return claim.job.id


def test_only_the_job_that_named_it_is_told_there(
    messenger: Messenger, engine: Engine, sender: Deliveries, receiver: RawServer
) -> None:
    ours = draw_secret(engine, USER)
    job_id = completed(messenger, OwnWebhook(f"{receiver.url}/one"))
    completed(messenger, None)
    assert sender.deliver_all() == 1
    (request,) = receiver.asked
    assert request.startswith(b"POST /one HTTP/1.1\r\n")
    assert verified(request, ours.secret)["data"]["job_id"] == job_id


def test_a_secret_of_its_own_signs_alone(
    messenger: Messenger, engine: Engine, sender: Deliveries, receiver: RawServer
) -> None:
    ours, own = draw_secret(engine, USER), drawn_secret()
    draw_secret(engine, USER)
    completed(messenger, OwnWebhook(receiver.url, own))
    assert sender.deliver_all() == 1
    verified(receiver.asked[0], own)
    with pytest.raises(WebhookVerificationError):
        verified(receiver.asked[0], ours.secret)


def test_while_the_secret_of_jobs_is_replaced_both_sign(
    messenger: Messenger, engine: Engine, sender: Deliveries, receiver: RawServer
) -> None:
    first, second = draw_secret(engine, USER), draw_secret(engine, USER)
    assert first.secret != second.secret
    completed(messenger, OwnWebhook(receiver.url))
    sender.deliver_all()
    for secret in (first.secret, second.secret):
        verified(receiver.asked[0], secret)


def test_other_webhooks_are_told_as_well(messenger: Messenger, sender: Deliveries, receiver: RawServer) -> None:
    other = endpoint(messenger, f"{receiver.url}/all", event_types=["job.completed"])
    completed(messenger, OwnWebhook(f"{receiver.url}/one"))
    assert sender.deliver_all() == 2
    assert {request.split()[1] for request in receiver.asked} == {b"/all", b"/one"}
    assert sorted(one.url is None for one in deliveries(messenger)) == [False, True]
    assert other.id in {one.endpoint_id for one in deliveries(messenger)}


def test_a_failure_is_told_there_too(messenger: Messenger, sender: Deliveries, receiver: RawServer) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        record_webhooks(session, USER, [(claim.job.id, OwnWebhook(receiver.url, own := drawn_secret()))])
        lifecycle.fail(session, claim.lease, NodeFailed("7", "KSampler", "ValueError", "it broke"))
    sender.deliver_all()
    assert verified(receiver.asked[0], own)["type"] == "job.failed"


def test_a_receiver_that_is_gone_ends_its_own_delivery_and_no_other(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(answer(b"", "410 Gone")) as gone, raw_server(answer(b"thanks")) as receiver:
        completed(messenger, OwnWebhook(gone.url))
        assert sender.deliver_all() == 1
        (failed,) = deliveries(messenger)
        assert failed.state is DeliveryState.FAILED
        kept = endpoint_row(messenger, failed.endpoint_id)
        assert (kept.enabled, kept.failures) == (True, 0)
        completed(messenger, OwnWebhook(receiver.url))
        assert sender.deliver_all() == 1
        make_due(messenger)
        assert sender.deliver_all() == 0
