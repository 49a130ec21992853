"""A mask for a picture to begin with: painted, or said by numbers and keys alone."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.pages.conftest import PHONE, Opened, Visit
from tests.pages.looks import barriers, screenshot, scrolls_sideways
from tests.pages.test_studio import done, make_small
from tests.worker_service.media.pictures import encoded, picture

pytestmark = [pytest.mark.system, pytest.mark.landing]


def begin(page: Page) -> None:
    """With a picture of 200 to 100 pixels."""
    content = encoded(picture((200, 100)), "PNG")
    page.locator("#picture").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
    page.get_by_role("button", name="Repaint a part only").click()
    expect(page.get_by_role("img", name="The mask over the picture")).to_be_visible()


def sent_mask(page: Page, system: Visit) -> Image.Image:
    """Of the job that is made with it, as it came to the API; in greys, 200 to 100 pixels."""
    page.get_by_role("button", name="Use this mask").click()
    expect(page.get_by_role("img", name="The mask: white is repainted")).to_be_visible()
    make_small(page)
    done(page)
    (listed,) = system.http.get("/api/v1/generation-jobs/").json()["items"]
    taken = [one for inputs in system.job(listed["id"])["assets"].values() for one in inputs.values()]
    kept = {one["name"]: one["id"] for one in system.http.get("/api/v1/assets").json()["items"]}
    assert set(taken) == {kept["a.png"], kept["mask.png"]}
    content = system.http.get(f"/api/v1/assets/{kept['mask.png']}/content").content
    mask = Image.open(io.BytesIO(content)).convert("L")
    assert mask.size == (200, 100)
    return mask


def test_what_is_painted_and_not_erased_is_white_in_the_mask(page: Page, system: Visit) -> None:
    begin(page)
    canvas = page.get_by_role("img", name="The mask over the picture")
    box = canvas.bounding_box()
    assert box is not None

    def drag(left: float, right: float, y: float) -> None:
        page.mouse.move(box["x"] + left * box["width"], box["y"] + y * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + right * box["width"], box["y"] + y * box["height"], steps=5)
        page.mouse.up()

    drag(0.2, 0.8, 0.3)
    drag(0.1, 0.9, 0.8)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Erase").click()
    drag(0.7, 0.8, 0.3)
    assert barriers(page) == []
    screenshot(page, "studio-mask")
    mask = sent_mask(page, system)
    assert [mask.getpixel(at) for at in ((60, 30), (100, 30), (150, 30), (100, 80), (5, 5))] == [255, 255, 0, 0, 0]


def test_a_mask_is_made_without_a_pointer_too(page: Page, system: Visit) -> None:
    begin(page)
    page.get_by_role("button", name="Everything").press("Enter")
    expect(page.get_by_text("100 % is repainted")).to_be_visible()
    page.get_by_role("button", name="Clear").press("Enter")
    page.get_by_text("A rectangle by numbers").press("Enter")
    page.get_by_label("From the left").fill("50")
    page.get_by_label("From the left").press("Enter")
    expect(page.get_by_text("25 % is repainted")).to_be_visible()
    mask = sent_mask(page, system)
    assert [mask.getpixel(at) for at in ((150, 50), (50, 50), (150, 10))] == [255, 0, 0]


def test_a_finger_paints_on_a_phone(opened: Opened) -> None:
    page = opened(**PHONE)
    begin(page)
    page.get_by_role("img", name="The mask over the picture").tap()
    expect(page.get_by_text("0 % is repainted")).to_have_count(0)
    assert not scrolls_sideways(page)
    screenshot(page, "studio-mask-phone")
