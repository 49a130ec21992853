"""Whatever a page does that no page of ours may: errors, requests to other hosts, what its policy forbids."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Page, Request


@dataclass
class Watch:
    """What the pages of one test did wrong. `allow` names what the test itself brings about."""

    host: str
    seen: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("console", self.on_console)
        page.on("pageerror", self.on_error)
        page.on("request", self.on_request)

    def allow(self, words: str) -> None:
        """From now on nothing with these words in it is held against the page."""
        self.allowed.append(words)

    def on_console(self, message: ConsoleMessage) -> None:
        """A breach of the policy is told here too, as an error."""
        if message.type in {"error", "warning"}:
            self.seen.append(f"{message.type} in the console: {message.text} ({message.location['url']})")

    def on_error(self, error: Error) -> None:
        self.seen.append(f"an error that nobody caught: {error}")

    def on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != self.host:
            self.seen.append(f"a request to another host: {request.url}")

    @property
    def problems(self) -> list[str]:
        return [one for one in self.seen if not any(words in one for words in self.allowed)]
