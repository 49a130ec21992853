"""An input is taken for a path where its class says so, and a value leads out of ComfyUI's folders in many ways."""

from typing import Any

import pytest

from shared.fleet.object_info import read_catalogue
from shared.fleet.paths import leads_out, names_a_path
from tests.object_infos import page
from tests.steps import steps


@pytest.mark.parametrize(
    "text",
    [
        *(
            "/etc/passwd",
            "//server/share",
            "\\\\server\\share",
            "\\Windows",
            "C:\\Windows",
            "c:/x",
            "d:x",
            "~",
            "~root/.ssh",
        ),
        *("..", "../x", "a/../../x", "a\\..\\x", "a/..", ".. /x", "a/ ../x", "..\\..", "./../x", "a//../x"),
        *("file:///etc/passwd", "FILE:x", ' "/etc/passwd"', "'../x'", "../x [output]", "/x [input]", "\t~/x"),
        *("good.png\n../bad.png", "good.png\r\n/bad.png", "a\0b", "a" * 100_000 + "/../x"),
    ],
)
def test_a_path_leads_out(text: str) -> None:
    assert leads_out(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a/b.png", "a\\b.png", "a..b", "...", "a/.../b", ".hidden", "./a", "a b/c", "%year%/%month%/a"),
        *("photo.png [output]", "sub/photo.png [input]", "ab:c", "12:30", "https://example.org/a.png", "a~b", "n\n\nm"),
    ],
)
def test_a_path_stays_within(text: str) -> None:
    assert not leads_out(text)


@pytest.mark.parametrize("part", [" ", ".,/", "[input]", "a/\n", '"', "."])
def test_a_long_text_takes_as_many_steps_as_it_is_long(part: str) -> None:
    def steps_of(size: int) -> int:
        return steps(lambda: leads_out("a" + part * size + "b:"))

    assert steps_of(4000) < 5 * steps_of(1000)


@pytest.mark.parametrize(
    "name",
    [
        *("filename_prefix", "folder_name", "model_path", "path", "directory", "output_dir", "file", "image_directory"),
        *(
            "savePath",
            "custom_path",
            "Folder",
            "FilePath",
            "file_name",
            "load_paths",
            "subfolder",
            "model.path",
            "basepath",
        ),
    ],
)
def test_a_text_is_for_a_path_by_its_name(name: str) -> None:
    assert names_a_path("Any", name, {})
    assert read(["STRING"], name)
    assert not read(["INT"], name)


@pytest.mark.parametrize(
    "name", ["text", "prompt", "profile", "prefix", "style", "pathos", "redirect", "filter", "filetype", ""]
)
def test_a_text_of_another_name_is_for_none(name: str) -> None:
    assert not names_a_path("Any", name, {})


@pytest.mark.parametrize(
    "spec",
    [
        ["STRING", {"vhs_path_extensions": ["mp4"]}],
        [["a.png"], {"image_upload": True}],
        ["COMBO", {"options": ["a.mp4"], "video_upload": True}],
        ["COMBO", {"options": ["a.glb"], "file_upload": True}],
        ["STRING,FILE_3D", {"vhs_path_extensions": []}],
    ],
)
def test_an_input_is_for_a_path_by_its_options(spec: Any) -> None:
    assert read(spec, "x")


def test_comfyuis_own_that_are_called_otherwise_are_known() -> None:
    assert read(["STRING"], "prefix", class_name="SaveLoRA")
    assert not read(["STRING"], "prefix", class_name="AddTextPrefix")


def read(spec: Any, name: str, *, class_name: str = "Odd") -> bool:
    return read_catalogue({class_name: page({name: spec})}).classes[class_name].inputs[name].is_path
