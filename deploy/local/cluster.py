"""A PostgreSQL data directory is made once, with a password of its own, where the account that runs it can reach it."""

import fcntl
import os
import secrets
import shutil
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local.process import CannotStart, Command, Process, ProcessFailed
from deploy.local.programs import Account, Installation, accounts, owner

USER = "genonaut"
LASTING = Path("/var/tmp")  # Kept over a restart of the machine, and everybody may enter it.
LODGING = "genonaut-postgres-"
# Files that name the directory that the data belong to: for one run alone, or for as long as that directory is there.
THROWAWAY, TEMPORARY = "throwaway", "temporary"
INITDB_WITHIN_S = 120.0
# The launcher's PG* variables and its language must not change what the server does or says.
ENVIRON = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class DirectoryInUse(CannotStart):
    """Another run holds the directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} is in use by another run: stop it, or choose another directory")
        self.directory = directory


class PasswordLost(CannotStart):
    """There is a data directory whose password nobody knows."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} holds data but no password: remove it to begin anew")
        self.directory = directory


class ProgramUnreachable(CannotStart):
    """The account may not run the program, which cannot be copied."""

    def __init__(self, executable: Path, account: Account) -> None:
        super().__init__(
            f"{executable} cannot be run by {account.name}: let everybody enter its folders, or use the wheel"
        )
        self.executable = executable
        self.account = account


@dataclass(frozen=True)
class Cluster:
    """Data ready to be served by `postgres`, run by `account` (None: by whoever runs this). `made` by this very run?"""

    home: Path
    postgres: Path
    account: Account | None
    password: str
    made: bool

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"


def prepare_cluster(directory: Path, log: Path, installation: Installation, *, durable: bool) -> Cluster:
    """The cluster in `directory`, made if there is none yet. The caller holds the directory.

    Raises PasswordLost, ProcessFailed if initdb fails, and for root AccountMissing or ProgramUnreachable. Then, as when
    it is interrupted, nothing of a cluster that was not finished stays outside the directory.
    """
    home, account = quarters(directory)
    try:
        if home != directory and not durable and not (home / "data").is_dir():
            mark(home, THROWAWAY, directory)
        elif home != directory and directory.resolve().is_relative_to(Path(tempfile.gettempdir()).resolve()):
            mark(home, TEMPORARY, directory)
        postgres = reachable(installation, home, account)
        if (home / "data").is_dir():
            return Cluster(home, postgres, account, known_password(home), made=False)
        cluster = Cluster(home, postgres, account, secrets.token_urlsafe(24), made=True)
        write_secret(home / "password", cluster.password, None)
        initialise(cluster, log, durable=durable)
    except BaseException:
        if home != directory and not (home / "data").is_dir():
            remove_home(home, directory)
        raise
    return cluster


def mark(home: Path, name: str, directory: Path) -> None:
    """Say whose data these are. The name comes last: a run that looks for abandoned data reads no half of it."""
    unfinished = home / f"{name}.unfinished"
    unfinished.write_text(str(directory.absolute()))
    unfinished.rename(home / name)


def known_password(home: Path) -> str:
    """The password of the data in there. Raises PasswordLost."""
    try:
        return (home / "password").read_text()
    except FileNotFoundError:
        raise PasswordLost(home) from None


def remove_cluster(cluster: Cluster, directory: Path) -> None:
    """Remove a cluster's data, password and copy of the program, and its folder if that is not `directory` itself."""
    shutil.rmtree(cluster.data, ignore_errors=True)
    shutil.rmtree(cluster.home / "program", ignore_errors=True)
    (cluster.home / "password").unlink(missing_ok=True)
    if cluster.home != directory:
        remove_home(cluster.home, directory)


def remove_home(home: Path, directory: Path) -> None:
    """Remove a folder outside the directory, and the link to it."""
    (directory / "elsewhere").unlink(missing_ok=True)
    shutil.rmtree(home, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove the throwaway data of runs that were killed before they could, as their own folders may be gone by now;
    and data that were kept for a folder for temporary files which is gone."""
    for found in (*LASTING.glob(f"{LODGING}*/{THROWAWAY}"), *LASTING.glob(f"{LODGING}*/{TEMPORARY}")):
        home = found.parent
        # Another run may remove the same, or one in that directory begin again.
        with suppress(FileNotFoundError, DirectoryInUse), ExitStack() as ending:
            if home.stat().st_uid != os.geteuid() or served(home / "data"):
                continue
            directory = Path(found.read_text())
            if not directory.is_absolute():
                continue  # an older version is just writing it
            if directory.is_dir():
                if found.name == TEMPORARY:
                    continue
                ending.callback(os.close, hold(directory))
            shutil.rmtree(home, ignore_errors=True)


def served(data: Path) -> bool:
    """Whether a server that was left by its run is still stopping."""
    try:
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), 0)
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return False
    return True


def hold(directory: Path) -> int:
    """Make the directory and keep others out while the returned descriptor is open. Raises DirectoryInUse."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DirectoryInUse(directory) from None
    return descriptor


def quarters(directory: Path) -> tuple[Path, Account | None]:
    """Where the data lives and who serves it: `directory`, or a folder it links to that the account can reach."""
    allowed = accounts()
    if not allowed:
        return directory, None
    link = directory / "elsewhere"
    # In a folder open to all, a name that was cleaned away may be somebody else's by now.
    home = link.resolve() if link.is_dir() and link.stat().st_uid == os.geteuid() else directory
    if (home / "data").is_dir():
        return home, owned_by_a_user(home / "data") or allowed[0]
    if home != directory or allowed[0].reaches(directory):
        return home, allowed[0]
    remove_abandoned()
    home = Path(tempfile.mkdtemp(prefix=LODGING, dir=LASTING))
    home.chmod(0o711)  # The account may go through, to what is its own in there.
    link.unlink(missing_ok=True)
    link.symlink_to(home)
    return home, allowed[0]


def owned_by_a_user(data: Path) -> Account | None:
    """The account whose data this is, None for root, which cannot serve them."""
    found = owner(data)
    return found if found.uid else None


def reachable(installation: Installation, home: Path, account: Account | None) -> Path:
    """The path of `postgres`; of a copy in `home` if the account cannot run what is installed, whose modes stay."""
    if account is None or account.runs(str(installation.executable), "--version"):
        return installation.executable
    if not installation.trees:
        raise ProgramUnreachable(installation.executable, account)
    program, base = home / "program", installation.trees[0].parent
    shutil.rmtree(program, ignore_errors=True)
    for tree in installation.trees:
        unneeded = shutil.ignore_patterns("include", "__pycache__", "*.a")
        shutil.copytree(tree, program / tree.name, ignore=unneeded, ignore_dangling_symlinks=True)
    account.take(program)
    inside = installation.executable
    if not inside.is_relative_to(base):
        inside = inside.resolve()
    return program / inside.relative_to(base)


def initialise(cluster: Cluster, log: Path, *, durable: bool) -> None:
    """Run initdb. The data directory gets its name only when it is whole."""
    unfinished = cluster.data.with_name("data.unfinished")
    password_file = cluster.data.with_name("initdb.password")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    write_secret(password_file, cluster.password, cluster.account)
    if cluster.account:
        cluster.account.take(unfinished)
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    options += [f"--username={USER}", f"--pwfile={password_file}", *([] if durable else ["--no-sync"])]
    initdb = Process.start(
        Command(
            name="initdb",
            arguments=(str(cluster.postgres.with_name("initdb")), f"--pgdata={unfinished}", *options),
            log=log,
            cwd=unfinished,
            environ=ENVIRON,
            owner=(cluster.account.uid, cluster.account.gid) if cluster.account else None,
        )
    )
    try:
        code = initdb.wait(INITDB_WITHIN_S)
        if code:
            raise ProcessFailed("initdb", f"ended with code {code}", initdb.tail())
        unfinished.rename(cluster.data)
    finally:
        initdb.stop(0)
        password_file.unlink()
        shutil.rmtree(unfinished, ignore_errors=True)


def write_secret(path: Path, secret: str, account: Account | None) -> None:
    """Write a file that only its owner can read: the account, or whoever runs this."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:  # noqa: PTH123 - opened by its descriptor
        file.write(secret)
        if account:
            os.fchown(descriptor, account.uid, account.gid)
