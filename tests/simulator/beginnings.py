"""Most recordings begin on a server that had run for a while: the simulator is first brought to where it was."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.simulator.running import RunningSimulator

SAVED_NAME = re.compile(r'filename(?:":"|=)([\w-]+)_(\d{5})_\.(\w+)"')
CACHED = re.compile(r'"execution_cached",(?:"data":)?\{"nodes":(\[.*?\])')


def bring_to_start(simulator: RunningSimulator, lines: list[dict[str, Any]]) -> None:
    """Make the simulator what the recorded server was: its counter, its files, its cache."""
    own = (line for line in lines if line.get("request", {}).get("path") != "/api/jobs")  # These list older jobs too.
    text = "".join(json.dumps(line, separators=(",", ":")) for line in own)
    (simulator.input_directory / "corrupt.png").write_bytes(b"no picture")
    for name, number, suffix in _first_names(text):
        if number > 1:
            (simulator.output_directory / f"{name}_{number - 1:05}_.{suffix}").write_bytes(b"")
    posts = [line for line in lines if _is_submission(line)]
    cached = CACHED.search(text)
    full = cached is not None and cached[1] != "[]"
    missing = posts[0]["response"]["body"]["json"]["number"] - full if posts else 0
    for _ in range(missing):
        simulator.http.post("/prompt", json={})  # Holds no prompt, and is counted all the same.
    if full:
        _leave_in_cache(simulator, posts[0]["request"]["json"]["prompt"])


def _first_names(text: str) -> Iterator[tuple[str, int, str]]:
    """The first number of each file name: it follows the highest one there was."""
    seen = set()
    for name, number, suffix in SAVED_NAME.findall(text):
        if name not in seen:
            seen.add(name)
            yield name, int(number), suffix


def _leave_in_cache(simulator: RunningSimulator, prompt: dict[str, Any]) -> None:
    """Run the same graph with another seed: then all that does not depend on it is cached."""
    prompt = json.loads(json.dumps(prompt))
    for node in prompt.values():
        if "seed" in node["inputs"]:
            node["inputs"]["seed"] += 1_000_000
        if "filename_prefix" in node["inputs"]:
            node["inputs"]["filename_prefix"] = "before"
    simulator.http.post("/prompt", json={"prompt": prompt, "prompt_id": "before"})
    simulator.wait_finished("before")


def _is_submission(line: dict[str, Any]) -> bool:
    request, response = line.get("request", {}), line.get("response", {})
    return (request.get("method"), request.get("path"), response.get("status")) == ("POST", "/prompt", 200)
