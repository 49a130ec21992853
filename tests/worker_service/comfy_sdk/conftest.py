"""The official Comfy SDK, unmodified, at a served API with a worker behind it: it is told where, and with which key."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from comfy_sdk import AsyncComfy, Comfy

from tests.api_service.conftest import new_key
from tests.api_service.serving import Served, served_here
from tests.worker_service.deployment import Deployment

T = TypeVar("T")
Story = Callable[[AsyncComfy], Awaitable[T]]


@pytest.fixture
def api(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    key = new_key(deployment.messenger.engine)
    with served_here(deployment.environ, key) as api:
        monkeypatch.setenv("COMFY_BASE_URL", f"http://{api.address}")
        monkeypatch.setenv("COMFY_API_KEY", key)
        yield api


@pytest.fixture
def comfy(api: Served) -> Iterator[Comfy]:
    with Comfy() as comfy:
        yield comfy


@pytest.fixture
def told(api: Served) -> Callable[[Story[T]], T]:
    """What comes of a story of the asynchronous client."""

    def tell(story: Story[T]) -> T:
        async def told() -> T:
            async with AsyncComfy() as comfy:
                return await story(comfy)

        return asyncio.run(told())

    return tell
