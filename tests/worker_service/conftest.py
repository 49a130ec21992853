"""Workers in this process, on a deployment of each test's own."""

from collections.abc import Iterator

import pytest
import redis

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from tests.simulator.running import RunningSimulator, running_simulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.listener import Listener
from tests.worker_service.run.agreement import assert_agreement
from tests.worker_service.run.saying import Saying, saying_server
from tests.worker_service.running_worker import RunningWorker
from worker_service.media.pool import MediaPool


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator) -> dict[str, str]:
    """The deployment's ComfyUI is the simulated one. It never recycles: that would signal this process's parent."""
    return {**environ, "COMFYUI_URLS": simulator.url, "WORKER_MAX_MESSAGES": "1000000"}


@pytest.fixture(scope="session")
def second_simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as simulator:
        yield simulator


@pytest.fixture
def another(second_simulator: RunningSimulator, protocol: str) -> RunningSimulator:
    """A second simulated ComfyUI, as if just started."""
    second_simulator.reset()
    second_simulator.speak(protocol)
    return second_simulator


@pytest.fixture
def deployment(environ: dict[str, str], simulator: RunningSimulator, messenger: Messenger) -> Iterator[Deployment]:
    """Whatever a test does, rows and files agree in the end."""
    deployment = Deployment(environ, simulator, messenger)
    yield deployment
    assert_agreement(deployment)


@pytest.fixture
def worker(deployment: Deployment) -> Iterator[RunningWorker]:
    with deployment.worker() as worker:
        yield worker


@pytest.fixture
def listening(worker: RunningWorker) -> RunningWorker:
    """A worker that hears the first word of its first prompt too: it has a socket already."""
    worker.listen()
    return worker


@pytest.fixture
def listener(redis_client: redis.Redis, settings: Settings) -> Iterator[Listener]:
    listener = Listener(redis_client, settings.redis_ns)
    yield listener
    listener.close()


@pytest.fixture
def saying() -> Iterator[Saying]:
    with saying_server() as saying:
        yield saying


@pytest.fixture(scope="session")
def pool() -> Iterator[MediaPool]:
    """What examines outputs, for tests that make some."""
    pool = MediaPool(2)
    yield pool
    pool.close()
