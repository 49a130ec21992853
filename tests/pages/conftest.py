"""The pages in a real Chromium, before the whole system. Each test has a user of its own, who has made nothing yet."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page

from deploy.local.ports import free_ports
from deploy.local.servers import Servers
from deploy.local.system import FULL, Plan
from shared.accounts.browsers import create_code, link_with
from shared.accounts.keys import KeyTerms, create_key
from shared.accounts.users import user_named
from shared.database.engine import create_engine, transaction
from shared.models.accounts.key import Scope
from tests.journeys.conftest import PATIENCE_S, Journey, bearer, shared, started
from tests.lent_database import new_name
from tests.pages.chromium import running_chromium, skip_where_something_lacks
from tests.pages.names import name_of
from tests.pages.watching import Watch

DESKTOP: Mapping[str, Any] = MappingProxyType({"viewport": {"width": 1280, "height": 800}})
PHONE: Mapping[str, Any] = MappingProxyType(
    {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
)


@dataclass(frozen=True)
class Visit(Journey):
    """A running system as one user has it, and links that sign browsers of that user in."""

    make_link: Callable[..., str]


Opened = Callable[..., Page]


@pytest.fixture(scope="session")
def whole_system(servers: Servers, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    skip_where_something_lacks()
    name = new_name()
    plan = Plan(tmp_path_factory.mktemp("system"), durable=False, api_ports=free_ports())
    with shared(servers, servers.create_database(name, template)) as given, started(plan, given) as journey:
        yield journey
    servers.drop_database(name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not the session's: Playwright has a loop of events at work in this thread, in which no other can be run."""
    skip_where_something_lacks()
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def system(whole_system: Journey) -> Iterator[Visit]:
    """The running system as a new user has it, who may do everything. In the end it comes to rest."""
    engine = create_engine(whole_system.system.settings, application="tests")
    with transaction(engine) as session:
        user = user_named(session, name_of("anna")).id
        key = create_key(session, user, KeyTerms("of a test", FULL)).token

    def make_link(scopes: Sequence[Scope] = FULL) -> str:
        with transaction(engine) as session:
            return link_with(whole_system.system.api_url, create_code(session, user, scopes))

    theirs = replace(whole_system.system, key=key)
    with httpx.Client(base_url=theirs.api_url, headers=bearer(key), timeout=PATIENCE_S) as http:
        visit = Visit(theirs, http, whole_system.comfyui, make_link)
        yield visit
        visit.comfyui.clear_faults()
        visit.come_to_rest()
    engine.dispose()


@pytest.fixture
def watch(system: Visit) -> Iterator[Watch]:
    """Fails a test whose pages did what no page may."""
    watch = Watch(urlsplit(system.system.api_url).netloc)
    yield watch
    assert watch.problems == []


@pytest.fixture
def opened(browser: Browser, system: Visit, watch: Watch) -> Iterator[Opened]:
    """Open an address in a new browser, signed in by a link unless told otherwise.

    Without one the page is blank and asks for nothing: what a test intercepts is asked for by what it opens then.
    Keywords are Playwright's, of a context.
    """
    contexts = []

    def open_one(
        path: str | None = "/studio", *, signed_in: bool = True, scopes: Sequence[Scope] = FULL, **options: Any
    ) -> Page:
        context = browser.new_context(base_url=system.system.api_url, **{**DESKTOP, **options})
        contexts.append(context)
        page = context.new_page()
        watch.over(page)
        if signed_in:
            page.goto(system.make_link(scopes))
            page.wait_for_url("**/studio")
        if not (signed_in and path == "/studio"):
            page.goto(path or "about:blank")
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(opened: Opened) -> Page:
    """The studio on a desk, signed in."""
    return opened()


@pytest.fixture
def phone(opened: Opened) -> Page:
    """The studio on a small phone, signed in."""
    return opened(**PHONE)


@pytest.fixture
def away(system: Visit) -> Iterator[str]:
    """A server that does not answer: the reason is long, and so is the row of what can be done with it. Its name."""
    url = "http://127.0.0.1:9"
    system.http.post("/api/v1/servers", json={"url": url, "labels": ["a100", "nvlink"]}).raise_for_status()
    yield url
    system.http.delete("/api/v1/servers", params={"server": url}).raise_for_status()
