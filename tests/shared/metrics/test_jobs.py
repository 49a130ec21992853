"""Jobs are counted once their events are committed, by kind and never by user."""

from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.messaging.messenger import Messenger
from shared.metrics.jobs import JobMetrics
from tests import jobs


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def messenger(messenger: Messenger, registry: CollectorRegistry) -> Messenger:
    count = JobMetrics(registry).count
    return Messenger(messenger.engine, messenger.broker, messenger.client, messenger.channels, count)


def values(registry: CollectorRegistry) -> Mapping[str, float]:
    """What is counted, without buckets: by name, and the values of its labels."""
    return {
        " ".join((sample.name.removeprefix("genonaut_"), *sample.labels.values())): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith(("_bucket", "_created", "_sum"))
    }


def test_a_job_is_counted_when_it_is_accepted_when_it_starts_and_when_it_ends(
    messenger: Messenger, registry: CollectorRegistry
) -> None:
    claim = jobs.running(messenger)
    assert values(registry) == {
        "jobs_accepted_total image": 1,
        "jobs_started_total image": 1,
        "wait_seconds_count image": 1,
    }
    with messenger.transaction() as session:
        lifecycle.generated(session, claim.lease)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [])
    counted = values(registry)
    assert counted["jobs_finished_total completed image"] == 1
    assert (counted["run_seconds_count image"], counted["store_seconds_count image"]) == (1, 1)


def test_a_job_that_is_put_back_is_accepted_once_and_started_twice(
    messenger: Messenger, registry: CollectorRegistry
) -> None:
    jobs.claimed_again(messenger, jobs.running(messenger))
    counted = values(registry)
    assert (counted["jobs_accepted_total image"], counted["jobs_started_total image"]) == (1, 2)


def test_a_job_that_ends_before_it_starts_has_no_time_that_it_took(
    messenger: Messenger, registry: CollectorRegistry
) -> None:
    job_id = jobs.submitted(messenger)
    with messenger.transaction() as session:
        cancel_one(session, job_id)
    assert values(registry) == {"jobs_accepted_total image": 1, "jobs_finished_total cancelled image": 1}


def test_what_is_rolled_back_is_not_counted(messenger: Messenger, registry: CollectorRegistry, engine: Engine) -> None:
    job_id = jobs.submitted(messenger)
    with pytest.raises(RuntimeError), messenger.transaction() as session:
        cancel_one(session, job_id)
        raise RuntimeError
    assert values(registry) == {"jobs_accepted_total image": 1}


def test_a_job_waits_from_when_it_could_have_begun(messenger: Messenger, registry: CollectorRegistry) -> None:
    claim = jobs.claimed_again(messenger, jobs.running(messenger))
    waited = registry.get_sample_value("genonaut_wait_seconds_sum", {"kind": "image"})
    assert claim.job.run_after is not None
    assert waited is not None
    assert 0 <= waited <= (claim.job.updated_at - claim.job.created_at).total_seconds()
