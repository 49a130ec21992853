"""A file is asked for by the name that a node gave it, unless that leads out of ComfyUI's folders or is no name."""

import pytest

from worker_service.comfyui.file_names import LONGEST, ending_of, why_refused
from worker_service.comfyui.history_outputs import OutputFile, OutputText
from worker_service.comfyui.wanted import Wanted


@pytest.mark.parametrize(
    "file",
    [
        OutputFile("1", "a.png"),
        OutputFile("1", "a b/grüße & 100%+#.png", "sub/folder", "temp"),
        OutputFile("1", "a.png", "sub\\folder", "input"),
        OutputFile("1", "to be continued....png"),
        OutputFile("1", "x" * LONGEST),
    ],
    ids=str,
)
def test_a_name_within_the_folders_is_asked_for(file: OutputFile) -> None:
    assert why_refused(file) is None


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (OutputFile("1", ""), "no name"),
        (OutputFile("1", " "), "no name"),
        (OutputFile("1", "a.png", "", "elsewhere"), "type"),
        (OutputFile("1", "a.png", "", "t" * 5000), "type"),
        (OutputFile("1", "../a.png"), "leads out"),
        (OutputFile("1", "a/../../b.png"), "leads out"),
        (OutputFile("1", "..\\a.png"), "leads out"),
        (OutputFile("1", "a.png", "../.."), "leads out"),
        (OutputFile("1", "/etc/passwd"), "leads out"),
        (OutputFile("1", "a.png", "C:\\Windows"), "leads out"),
        (OutputFile("1", "\\\\host\\share\\a.png"), "leads out"),
        (OutputFile("1", "a\0.png"), "character"),
        (OutputFile("1", "a.png", "\ud800"), "character"),
        (OutputFile("1", "x" * (LONGEST + 1)), "more than"),
    ],
    ids=repr,
)
def test_any_other_is_refused_in_a_sentence(file: OutputFile, reason: str) -> None:
    found = why_refused(file)
    assert found is not None
    assert reason in found
    assert len(found) < 2 * LONGEST


FILES = [OutputFile("9", "a.png"), OutputFile("9", "b.png", "", "temp"), OutputFile("9.0.1", "c.png")]
SAID = OutputText("10", "said")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [*FILES, SAID]),
        (Wanted(temp=False), [FILES[0], FILES[2], SAID]),
        (Wanted(["9"]), FILES),
        (Wanted(["10"], temp=False), [SAID]),
        (Wanted(["8"]), []),
    ],
)
def test_a_job_gets_the_outputs_it_asks_for(wanted: Wanted, found: list[OutputFile | OutputText]) -> None:
    assert list(wanted.among([*FILES, SAID])) == found


def test_a_files_name_on_the_server_does_not_become_a_path_of_ours() -> None:
    assert [
        ending_of(name) for name in ("a.PNG", "a/../b.tar.gz", "a", "a.p\0g", "a." + "x" * 300, "a.\ud800", "..")
    ] == [*(".png", ".gz", "", "", "", "", "")]
