"""Programs from Debian's packages, unpacked in a folder of the repository: nothing is installed or started."""

import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def program(folder: Path, name: str) -> str:
    """Where a program is: unpacked in the folder, else in PATH; empty if it is nowhere."""
    places = (folder / "usr" / kind / name for kind in ("bin", "sbin"))
    return next((str(place) for place in places if place.exists()), shutil.which(name) or "")


def unpack(folder: Path, *packages: str) -> None:
    """Fetch packages, and unpack them in the folder. Those that they depend on are named, too."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise SystemExit(f"Debian's packages are needed; or put what is in {packages[0]} in PATH")
    with tempfile.TemporaryDirectory() as fetched:
        subprocess.run(["apt-get", "download", "--quiet", *packages], cwd=fetched, check=True)
        for package in Path(fetched).glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True)
