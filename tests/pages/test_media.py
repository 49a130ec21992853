"""Films and sounds of each kind, in the gallery: small ones that the simulator really encodes."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Opened, Visit
from tests.pages.looks import barriers, screenshot

pytestmark = [pytest.mark.system, pytest.mark.landing]


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": {"filename_prefix": "x", **inputs}}


PICTURE = {"1": node("EmptyImage", width=64, height=64, batch_size=8, color=255)}
SOUND = {"1": node("EmptyAudio", duration=0.5, sample_rate=44100, channels=2)}
WORKFLOWS = {
    "video webm": PICTURE | {"2": node("SaveWEBM", images=["1", 0], codec="vp9", fps=8.0, crf=32.0)},
    "video mp4": PICTURE
    | {
        "2": node("CreateVideo", images=["1", 0], fps=8.0),
        "3": node("SaveVideo", video=["2", 0], format="auto", codec="auto"),
    },
    "audio flac": SOUND | {"2": node("SaveAudio", audio=["1", 0])},
    "audio mp3": SOUND | {"2": node("SaveAudioMP3", audio=["1", 0], quality="V0")},
}
CONTROLS = 400  # pixels in which a player has all its buttons
PLAYED = "media => { media.muted = true; return media.play().then(() => new Promise((done) => media.onended = done)); }"


def test_films_and_sounds_open_and_play_to_their_end(system: Visit, opened: Opened) -> None:
    for workflow in WORKFLOWS.values():
        body = {"workflow": workflow}
        job = system.http.post("/api/v1/generation-jobs/", json=body, headers={"Prefer": "wait=30"}).json()
        assert job["status"] == "completed", job["error"]
    page = opened("/gallery")
    expect(page.locator(".tile .open")).to_have_count(len(WORKFLOWS))
    page.locator(".tile .open").first.click()
    for number, kind in enumerate(reversed(WORKFLOWS), start=1):
        expect(page.locator(".pswp__counter")).to_have_text(f"{number} / {len(WORKFLOWS)}")
        tag, suffix = kind.split()
        media = page.locator(f"{tag}[src*='{suffix}'], .pswp__item[aria-hidden=false] {tag}").first
        expect(media).to_be_visible()
        assert media.evaluate("one => one.clientWidth") >= CONTROLS
        media.evaluate(PLAYED)
        assert barriers(page) == []
        screenshot(page, f"gallery-{suffix}")
        if number < len(WORKFLOWS):
            page.get_by_role("button", name="Next").click()
