"""`python -m tests.monitoring`: Prometheus and its `promtool`, from Debian's package, unpacked in `.monitoring`.

Nothing is installed or started. The tests that run them are skipped while they are neither there nor in PATH.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".monitoring"


def program(name: str) -> str:
    """Where a program is; empty if it is nowhere."""
    unpacked = FOLDER / "usr" / "bin" / name
    return str(unpacked) if unpacked.exists() else shutil.which(name) or ""


PROMETHEUS, PROMTOOL = program("prometheus"), program("promtool")
MISSING = "`make monitoring` unpacks Prometheus and promtool here, on Debian; they are not there"


def main() -> None:
    """Unpack what is not there."""
    if PROMETHEUS and PROMTOOL:
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise SystemExit("Debian's packages are needed; or put prometheus and promtool in PATH")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "download", "--quiet", "prometheus"], cwd=folder, check=True)
        (package,) = Path(folder).glob("prometheus_*.deb")
        subprocess.run(["dpkg", "-x", package, FOLDER], check=True)


if __name__ == "__main__":
    main()
