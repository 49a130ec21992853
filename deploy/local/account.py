"""PostgreSQL refuses to run as root, so root runs it as an account that may do less."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import CannotStart

NAMES = ("postgres", "_postgres", "nobody")
TRIED_WITHIN_S = 20.0


@dataclass(frozen=True)
class Account:
    """A user and its group, by number."""

    name: str
    uid: int
    gid: int

    def reaches(self, folder: Path) -> bool:
        """Whether the account can go into a folder: tried, because modes alone do not tell."""
        return self.runs("/bin/sh", "-c", 'cd "$1"', "sh", str(folder))

    def runs(self, *command: str) -> bool:
        """Whether the account can run a command, and it succeeds."""
        try:
            done = subprocess.run(
                command,
                cwd="/",
                user=self.uid,
                group=self.gid,
                extra_groups=[self.gid],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TRIED_WITHIN_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def take(self, tree: Path) -> None:
        """Make a folder and all in it the account's own. Modes stay."""
        for folder, folders, files in os.walk(tree):
            for name in (".", *folders, *files):
                os.chown(Path(folder) / name, self.uid, self.gid, follow_symlinks=False)


class AccountMissing(CannotStart):
    """Root has nobody to run a server as."""

    def __init__(self) -> None:
        super().__init__(f"PostgreSQL does not run as root, and there is no account {' or '.join(NAMES)}: add one")


def accounts() -> list[Account]:
    """The accounts that root may run a server as, best first; none if this is not root. Raises AccountMissing."""
    if os.geteuid() != 0:
        return []
    found = []
    for name in NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        found.append(Account(name, entry.pw_uid, entry.pw_gid))
    if not found:
        raise AccountMissing
    return found


def owner(path: Path) -> Account:
    """The account that owns a path; it needs no name."""
    status = path.stat()
    return Account(str(status.st_uid), status.st_uid, status.st_gid)
