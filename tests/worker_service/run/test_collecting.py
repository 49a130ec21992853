"""Whatever kind of output a graph makes is collected: decoded, stored, and pictured where it has a picture."""

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from shared.models import JobOutput, OutputKind
from shared.storage.folder_store import FolderStore
from tests.simulator.graphs import Graph, node, noise, run
from tests.simulator.running import RunningSimulator
from tests.worker_service.media.unruly import COMMAND
from worker_service.comfyui.answers import Finished
from worker_service.comfyui.client import ComfyUIClient
from worker_service.media.pool import MediaPool
from worker_service.run.collect import Collected, Collector
from worker_service.run.prompt.mailbox import Mailbox

FRAMES: Graph = {name: made for name, made in noise(batch_size=3).items() if name != "9"}
SOUND: Graph = {"1": node("EmptyAudio", duration=0.5, sample_rate=44100, channels=2)}
PICTURED = {"150", "300", "600"}

# what it is -> (a graph that makes it, its kind, its type, the ending of its file's name)
KINDS: dict[str, tuple[Graph, OutputKind, str, str]] = {
    "image": (noise(), OutputKind.IMAGE, "image/png", ".png"),
    "temporary image": (
        {**noise(), "9": node("PreviewImage", images=["2", 0])},
        OutputKind.IMAGE,
        "image/png",
        ".png",
    ),
    "animated WEBP": (
        FRAMES
        | {
            "9": node(
                "SaveAnimatedWEBP",
                images=["2", 0],
                filename_prefix="x",
                fps=6.0,
                lossless=True,
                quality=80,
                method="default",
            )
        },
        OutputKind.ANIMATION,
        "image/webp",
        ".webp",
    ),
    "animated PNG": (
        FRAMES | {"9": node("SaveAnimatedPNG", images=["2", 0], filename_prefix="x", fps=6.0, compress_level=4)},
        OutputKind.ANIMATION,
        "image/apng",
        ".png",
    ),
    "WebM": (
        FRAMES | {"9": node("SaveWEBM", images=["2", 0], filename_prefix="x", codec="vp9", fps=8.0, crf=32.0)},
        OutputKind.VIDEO,
        "video/webm",
        ".webm",
    ),
    "MP4": (
        FRAMES
        | {
            "8": node("CreateVideo", images=["2", 0], fps=8.0),
            "9": node("SaveVideo", video=["8", 0], filename_prefix="video/v", format="auto", codec="auto"),
        },
        OutputKind.VIDEO,
        "video/mp4",
        ".mp4",
    ),
    "FLAC": (
        SOUND | {"9": node("SaveAudio", audio=["1", 0], filename_prefix="audio/a")},
        OutputKind.AUDIO,
        "audio/flac",
        ".flac",
    ),
    "MP3": (
        SOUND | {"9": node("SaveAudioMP3", audio=["1", 0], filename_prefix="audio/a", quality="V0")},
        OutputKind.AUDIO,
        "audio/mpeg",
        ".mp3",
    ),
    "text": (
        {"9": node("PreviewAny", source="grüße 🎨")},
        OutputKind.TEXT,
        "text/plain; charset=utf-8",
        ".txt",
    ),
    "latent": (
        {
            "1": node("EmptyLatentImage", width=64, height=64, batch_size=1),
            "9": node("SaveLatent", samples=["1", 0], filename_prefix="lat/l"),
        },
        OutputKind.OTHER,
        "application/octet-stream",
        ".latent",
    ),
}


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[ComfyUIClient]:
    client = ComfyUIClient(simulator.url)
    yield client
    client.close()


def collected(simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore, graph: Graph) -> list[JobOutput]:
    """The outputs, where there is nothing to be said of them."""
    found = collected_with_warnings(simulator, client, store, graph)
    assert found.warnings == []
    return found.outputs


def collected_with_warnings(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore, graph: Graph
) -> Collected:
    run(simulator, "p", graph, client_id="p")
    finished = client.locate("p")
    assert isinstance(finished, Finished)
    with closing(MediaPool(1)) as pool:
        return Collector(client, store, pool, 1, "job", (0.0,)).collect(finished.outputs, Mailbox())


@pytest.mark.broad
@pytest.mark.parametrize("what", KINDS)
def test_each_kind_is_decoded_stored_and_pictured(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore, tmp_path: Path, what: str
) -> None:
    graph, kind, media_type, suffix = KINDS[what]
    (output,) = collected(simulator, client, store, graph)
    assert (output.kind, output.media_type) == (kind, media_type)
    assert (output.node_id, output.filename) == ("9", f"job-1-0{suffix}")
    stored = tmp_path / output.path
    assert (stored.stat().st_size, sha256(stored.read_bytes()).hexdigest()) == (output.size_bytes, output.sha256)
    if kind in {OutputKind.IMAGE, OutputKind.ANIMATION, OutputKind.VIDEO}:
        assert output.thumbnails.keys() == PICTURED
        assert all((tmp_path / small["path"]).stat().st_size for small in output.thumbnails.values())
        assert output.width == 64
    else:
        assert output.thumbnails == {}
        assert output.thumbnail_note == f"{kind} outputs have no picture"
    if kind in {OutputKind.VIDEO, OutputKind.AUDIO}:
        assert output.duration_ms == pytest.approx(500 if kind is OutputKind.AUDIO else 375, abs=60)


def test_a_shown_text_is_stored_as_it_was_said(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore, tmp_path: Path
) -> None:
    (output,) = collected(simulator, client, store, KINDS["text"][0])
    assert (tmp_path / output.path).read_text("utf-8") == "grüße 🎨"


def test_the_file_is_the_very_one_that_comfyui_wrote(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore, tmp_path: Path
) -> None:
    (output,) = collected(simulator, client, store, noise())
    (written,) = simulator.output_directory.glob("*.png")
    assert (tmp_path / output.path).read_bytes() == written.read_bytes()


def test_sizes_that_show_the_same_picture_are_one_file(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore
) -> None:
    (output,) = collected(simulator, client, store, noise())
    assert {small["path"] for small in output.thumbnails.values()} == {"job/0-600.jpg"}
    assert sorted(path.name for path in (store.root / "job").iterdir()) == ["0-600.jpg", "0.png"]


def test_outputs_of_several_nodes_are_numbered_in_the_order_of_the_graph(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore
) -> None:
    graph = {
        "last": node("PreviewAny", source="said"),
        **noise(batch_size=2),
        "10": node("PreviewImage", images=["1", 0]),
    }
    found = collected(simulator, client, store, graph)
    assert [(output.number, output.node_id) for output in found] == [
        (0, "last"),
        (1, "9"),
        (2, "9"),
        (3, "10"),
        (4, "10"),
    ]


def test_a_graph_that_leaves_nothing_to_keep_has_no_output_and_a_warning(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore
) -> None:
    graph = FRAMES | {"9": node("SaveImageWebsocket", images=["2", 0])}
    found = collected_with_warnings(simulator, client, store, graph)
    assert (found.outputs, [warning.code for warning in found.warnings]) == ([], ["no_outputs"])


@pytest.mark.parametrize(
    ("what", "contents"),
    [
        ("tags", [b"1girl, solo"]),
        ("text_plain", [b"plain"]),
        ("bare_text", [b"plain"]),
        ("number", [b"3", b"2.5"]),
        ("bare_number", [b"5"]),
        ("boolean", [b"true"]),
        ("dict", [b'{"cat": 0.9}']),
        ("nested_files", [b"a", b"b"]),
        ("deep_files", [b"deep"]),
        ("bare_file", [b"bare"]),
        ("cp1252_text", ["caf\xe9 \u2013 na\xefve".encode("cp1252")]),
        ("utf16_text", ["caf\xe9".encode("utf-16")]),
        ("surrogate_text", ["\ufffd".encode()]),
    ],
)
def test_what_odd_nodes_show_is_kept_byte_by_byte(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore, what: str, contents: list[bytes]
) -> None:
    graph = {"1": node("SimulatedShow", what=what, prefix="odd", megabytes=0)}
    found = collected(simulator, client, store, graph)
    assert [(store.root / output.path).read_bytes() for output in found] == contents
    assert [output.number for output in found] == list(range(len(contents)))


@pytest.mark.system
def test_a_file_whose_decoder_dies_is_kept_as_it_came_and_says_why(
    simulator: RunningSimulator, client: ComfyUIClient, store: FolderStore
) -> None:
    run(simulator, "p", noise(), client_id="p")
    finished = client.locate("p")
    assert isinstance(finished, Finished)
    with closing(MediaPool(1, command=COMMAND)) as pool:
        found = Collector(client, store, pool, 1, "job", (0.0,)).collect(finished.outputs, Mailbox())
    (output,) = found.outputs
    (written,) = simulator.output_directory.glob("*.png")
    assert (store.root / output.path).read_bytes() == written.read_bytes()
    assert (output.kind, output.media_type, output.width, output.thumbnails) == ("image", "image/png", None, {})
    assert output.thumbnail_note == ("it cannot be examined within limits: its decoder failed: it ended with status 1")
    assert found.warnings == []
