"""Workflows in the studio: pasted or dropped, and what is said of one that is none."""

import base64
import json

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit
from tests.pages.looks import barriers, screenshot
from tests.pages.test_studio import done
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]

DROP = """([name, type, data]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, { type }));
    dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
}"""
PLAIN = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "random_sd15.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["1", 1]}},
    "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "4": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0],
            "positive": ["2", 0],
            "negative": ["2", 0],
            "latent_image": ["3", 0],
            "seed": 1,
            "steps": 2,
            "cfg": 5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1,
        },
    },
    "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
    "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "ours"}},
}


def paste(page: Page, text: str) -> None:
    page.get_by_text("More settings").click()
    page.get_by_label("Use a workflow of ComfyUI instead").fill(text)
    page.get_by_label("Use a workflow of ComfyUI instead").blur()


def paste_by_keys(page: Page, text: str) -> None:
    """Paste where the focus is, as a person does, who then waits."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+v")


def drop(page: Page, name: str, media_type: str, content: bytes) -> None:
    page.evaluate(DROP, [name, media_type, base64.b64encode(content).decode()])


def test_the_inputs_of_a_pasted_workflow_become_a_form_and_it_runs(page: Page, system: Visit) -> None:
    paste(page, json.dumps(PLAIN))
    page.get_by_label("steps").fill("3")
    page.get_by_label("text").fill("a dog")
    page.get_by_role("combobox", name="sampler_name").select_option("heun")
    assert barriers(page) == []
    screenshot(page, "studio-workflow")
    page.get_by_role("button", name="Make").click()
    done(page)
    (job,) = system.http.get("/api/v1/generation-jobs/").json()["items"]
    nodes = system.job(job["id"])["workflow"]
    sampler = nodes["4"]["inputs"]
    assert (sampler["steps"], sampler["sampler_name"], nodes["2"]["inputs"]["text"]) == (3, "heun", "a dog")


def test_ctrl_enter_sends_a_workflow_too(page: Page) -> None:
    paste(page, json.dumps(PLAIN))
    page.get_by_label("text").press("Control+Enter")
    done(page)


def test_a_workflow_that_the_editor_saved_gets_the_sentence_that_says_how_to_export(page: Page) -> None:
    paste(page, json.dumps({"nodes": [], "links": [], "version": 0.4}))
    said = page.get_by_role("status").filter(has_text="Export (API)")
    expect(said).to_be_visible()
    drop(page, "api.json", "application/json", json.dumps(PLAIN).encode())
    expect(page.get_by_role("heading", name="A workflow with")).to_be_visible()
    expect(said).to_have_count(0)


def test_what_is_wrong_in_a_workflow_stands_at_its_input(page: Page, watch: Watch) -> None:
    watch.allow("status of 422")
    nodes = json.loads(json.dumps(PLAIN))
    nodes["4"]["inputs"]["steps"] = 0
    nodes["1"]["inputs"]["ckpt_name"] = "nobody has it.safetensors"
    paste(page, json.dumps(nodes))
    page.get_by_role("button", name="Make").click()
    for label in ("ckpt_name", "steps"):
        field = page.get_by_label(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"[id='{field.get_attribute('id')}-problem']")).to_be_visible()
    expect(page.get_by_label("ckpt_name")).to_be_focused()
    assert barriers(page) == []
    screenshot(page, "studio-workflow-refused")


def test_a_picture_that_comfyui_made_gives_back_its_workflow(page: Page, system: Visit) -> None:
    system.completed(system.submit()["id"])
    (made,) = system.comfyui.output_directory.rglob("*.png")
    drop(page, "made.png", "image/png", made.read_bytes())
    expect(page.get_by_role("heading", name="A workflow with")).to_be_visible()
    expect(page.get_by_label("ckpt_name")).to_have_value("random_sd15.safetensors")
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Prompt")).to_be_visible()


def test_a_pasted_workflow_is_taken_at_once_wherever_it_is_pasted(page: Page) -> None:
    form = page.get_by_role("heading", name="A workflow with 6 nodes")
    page.get_by_text("More settings").click()
    for field in ("Use a workflow of ComfyUI instead", "Prompt", "Width"):
        page.get_by_label(field, exact=True).focus()
        paste_by_keys(page, json.dumps(PLAIN))
        expect(form).to_be_visible()
        page.get_by_role("button", name="Back to the form").click()
        page.get_by_text("More settings").click()
    expect(page.get_by_label("Prompt")).to_have_value("")
    page.get_by_label("Prompt").focus()
    paste_by_keys(page, '{"a prompt": "in braces"}')
    expect(page.get_by_label("Prompt")).to_have_value('{"a prompt": "in braces"}')


def test_what_is_no_node_beside_the_nodes_breaks_no_page(page: Page, watch: Watch) -> None:
    watch.allow("status of 422")
    paste(page, json.dumps({**PLAIN, "extra": None}))
    page.get_by_label("steps").press("Control+Enter")
    expect(page.get_by_role("alert").first).to_contain_text("extra")


def test_who_drops_a_picture_that_was_made_here_may_begin_with_the_picture(page: Page, system: Visit) -> None:
    system.completed(system.submit()["id"])
    made = max(system.comfyui.output_directory.rglob("*.png"))
    drop(page, "made.png", "image/png", made.read_bytes())
    page.get_by_role("button", name="Begin with the picture instead").click()
    expect(page.get_by_role("img", name="made.png")).to_be_visible()
    expect(page.get_by_label("Prompt")).to_be_visible()
    drop(page, "api.json", "application/json", json.dumps(PLAIN).encode())
    expect(page.get_by_role("heading", name="A workflow with")).to_be_visible()
    expect(page.get_by_role("button", name="Begin with the picture instead")).to_have_count(0)
