"""`python -m tests.pages.sheets`: take a picture of every page in every width and both themes, for people to look at.

They are in `build/sheets`, by view, width and theme. `--only jobs servers` takes those of views with one of these words
in their name.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError

from shared.accounts.browsers import create_code, link_with
from shared.accounts.users import user_named
from shared.database.engine import create_engine, transaction
from shared.models import Scope
from tests.pages.chromium import running_chromium
from tests.pages.looks import ROOT, scrolls_sideways
from tests.pages.sheets.views import VIEWS, View
from tests.pages.sheets.week import Week, busy_week

SHEETS = ROOT / "build" / "sheets"
WIDTHS = {360: 740, 768: 1024, 1280: 800, 2560: 1440, 3840: 2160}
PHONES = 800  # and what is narrower is touched
THEMES = ("light", "dark")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pages.sheets", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[""], metavar="WORD", help="views with one of these in their name")
    parser.add_argument("--widths", type=int, nargs="*", choices=list(WIDTHS), default=list(WIDTHS))
    parser.add_argument("--themes", nargs="*", choices=THEMES, default=THEMES)
    chosen = parser.parse_args()
    SHEETS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="genonaut-sheets-") as folder, busy_week(Path(folder)) as week:
        views = [view for view in VIEWS if any(word in view.name for word in chosen.only)]
        with running_chromium() as browser:
            for width in chosen.widths:
                for theme in chosen.themes:
                    for problem in look(browser, week, views, width, theme):
                        print(problem, flush=True)


def look(browser: Browser, week: Week, views: list[View], width: int, theme: Any) -> Iterator[str]:
    """Take the pictures of one width and theme. What cannot be right in them, in words."""
    print(f"{width} {theme}", flush=True)
    for who in dict.fromkeys(view.who for view in views):
        size: Any = {"width": width, "height": WIDTHS[width]}
        touched = width < PHONES
        context = browser.new_context(
            base_url=week.system.api_url, viewport=size, color_scheme=theme, has_touch=touched, is_mobile=touched
        )
        page = context.new_page()
        sign_in(page, week, who)
        for view in views:
            if view.who == who:
                yield from picture_of(page, week, view, f"{view.name}-{width}-{theme}")
        context.close()


def picture_of(page: Page, week: Week, view: View, name: str) -> Iterator[str]:
    try:
        page.goto("about:blank")
        page.goto(view.path.format(week=week))
        view.prepare(page)
        page.wait_for_timeout(700)  # what comes in, is drawn and fades has come to rest
        if view.is_whole:  # what stays at the top stands there
            page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        page.screenshot(path=SHEETS / f"{name}.png", full_page=view.is_whole)
        if scrolls_sideways(page):
            yield f"{name}: scrolls sideways"
    except (PlaywrightError, AssertionError) as error:
        page.screenshot(path=SHEETS / f"{name}.png")
        yield f"{name}: {str(error).splitlines()[0]}"


def sign_in(page: Page, week: Week, who: str) -> None:
    if not who:
        return
    scopes: dict[str, tuple[str, list[Any]]] = {
        "admin": ("local", [Scope.READ, Scope.WRITE, Scope.ADMIN]),
        "other": ("berta", [Scope.READ, Scope.WRITE]),
        "new": ("nobody yet", [Scope.READ, Scope.WRITE]),
        "looks on": ("dimitri", [Scope.READ]),
    }
    name, given = scopes[who]
    engine = create_engine(week.system.settings, application="sheets")
    with transaction(engine) as session:
        link = link_with(week.system.api_url, create_code(session, user_named(session, name).id, given))
    engine.dispose()
    page.goto(link)
    page.wait_for_url("**/studio")


if __name__ == "__main__":
    main()
