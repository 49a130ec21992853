"""How a page looks and reads: screenshots, kept below `build`, and what axe finds in it."""

from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
AXE = ROOT / ".pages" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def screenshot(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep how the page looks now, for people."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)


def barriers(page: Page) -> list[str]:
    """What axe finds in the page as it is now: nothing, if everybody can use it."""
    # A row that is half below the head, as the page is scrolled, would be found too small.
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    # Evaluated and not added as a script, which the policy of the page forbids.
    page.evaluate(AXE.read_text() + "; undefined")
    found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", list(RULES))
    return [
        f"{one['id']}: {node['failureSummary']} {node['target']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
