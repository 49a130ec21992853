"""The units of the pages' modules pass under the Node that bundles them."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.pages.tools import MODULES, NODE, READY, ROOT, esbuild

pytestmark = [pytest.mark.broad, pytest.mark.landing]

UNITS = Path(__file__).parent / "units"


def test_the_units_of_the_modules_pass(tmp_path: Path) -> None:
    if not READY.exists():
        pytest.skip("`make pages` installs Node, which runs these units; it is not there")
    files = [str(file) for file in sorted(UNITS.glob("*.test.js"))]
    # Bundled as the pages are, since Node alone does not find their parts from where they lie.
    bundle = [esbuild(), *files, "--bundle", "--format=esm", "--platform=node", f"--outdir={tmp_path}"]
    run([*bundle, "--out-extension:.js=.mjs"])
    run([str(NODE), "--test", *map(str, sorted(tmp_path.glob("*.mjs")))])


def run(command: list[str]) -> None:
    environ = {**os.environ, "NODE_PATH": str(MODULES)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
