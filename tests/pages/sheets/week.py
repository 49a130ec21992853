"""A system after a busy week: jobs in all states, failures, a server that is wedged, and whoever waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from deploy.local.ports import free_ports
from deploy.local.system import Plan, System, running_system
from shared.database.engine import create_engine, transaction
from shared.models import HistorySample
from tests.journeys.conftest import bearer, until
from tests.pages.figures import plain_environ
from tests.pages.many_pictures import copy_job
from tests.pages.sheets.endpoint import listening
from tests.pages.test_media import WORKFLOWS
from tests.simulator.running import RunningSimulator, running_simulator

JOBS = "/api/v1/generation-jobs/"
CHECKPOINT = "random_sd15.safetensors"
PORTRAIT, SQUARE, LANDSCAPE, WIDE, SMALL = (832, 1216), (1024, 1024), (1216, 832), (1344, 768), (512, 512)
MADE = (
    ("A lighthouse at dusk, oil painting", PORTRAIT, 1),
    ("A fox in fresh snow, early light, shallow depth of field, photographed from the ground", LANDSCAPE, 1),
    ("Portrait of an old clockmaker", PORTRAIT, 1),
    ("A glass teapot full of stars", SQUARE, 4),
    ("Isometric plan of a small library, soft pastel colours, many books, a reading cat, warm lamps", WIDE, 1),
    ("A harbour in fog", LANDSCAPE, 1),
    ("Logo of a bakery", SMALL, 2),
    ("Ferns after rain, macro", PORTRAIT, 1),
    ("A street in Lisbon, ink and wash", SQUARE, 1),
    ("Two astronauts playing chess", WIDE, 3),
)
COPIES = 17
APART = timedelta(hours=7)  # between a job and its copies
FAR = 10_000  # between the ids of what is copied and of its copies
MOVES = ("illegal memory access was encountered at node KSampler", "a model that is no model")


@dataclass(frozen=True)
class Week:
    """What is looked at: the system, the address of a job in each state, and a key of somebody who is no admin."""

    system: System
    done: int
    failed: int
    running: int
    user: str
    key: str
    key_of_reader: str
    webhook: str


@contextmanager
def busy_week(folder: Path) -> Iterator[Week]:
    """Its figures are made up; all that happens in it really happens."""
    paced: dict[str, Any] = {"step_seconds": 0.005, "load_seconds": 0, "draw": "real"}
    with running_simulator(**paced) as works, running_simulator(**paced) as wedges, listening() as endpoint:
        given = {"COMFYUI_URLS": f"{works.url},{wedges.url}", "OUTGOING_ALLOW": "127.0.0.1", "STALL_TIMEOUT": "10s"}
        plan = Plan(folder, durable=False, api_ports=free_ports())
        with (
            running_system(plan, {**plain_environ(), **given}, say=print) as system,
            httpx.Client(base_url=system.api_url, headers=bearer(system.key), timeout=60) as http,
        ):
            yield Filling(system, http, works, wedges, endpoint).all()


@dataclass(frozen=True)
class Filling:
    system: System
    http: httpx.Client
    works: RunningSimulator
    wedges: RunningSimulator
    endpoint: str

    def all(self) -> Week:
        self.post("servers/drain", server=self.wedges.url)
        done = self.made()
        failed = self.failures()
        self.older(done)
        webhook = self.around()
        self.note_history()
        users = {name: self.post("users", name=name)["id"] for name in ("berta", "carla of the print shop", "dimitri")}
        keys = {name: self.key_of(user, name) for name, user in users.items()}
        reader = self.key_of(users["dimitri"], "looks on", ["jobs:read"])
        running = self.waiting(keys)
        return Week(self.system, done[0], failed, running, users["berta"], keys["berta"], reader, webhook)

    def post(self, path: str, *, key: str = "", **body: Any) -> Any:
        headers = {"Prefer": "wait=50", **(bearer(key) if key else {})}
        answer = self.http.post(f"/api/v1/{path}", json=body, headers=headers)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def key_of(self, user: str, name: str, scopes: list[str] | None = None) -> str:
        return str(self.post(f"users/{user}/keys", name=name, scopes=scopes or ["jobs:read", "jobs:write"])["key"])

    def job(self, prompt: str, size: tuple[int, int], **more: Any) -> dict[str, Any]:
        key = more.pop("key", "")
        steps = more.pop("steps", 4)
        body = {"prompt": prompt, "checkpoint_model": CHECKPOINT, "width": size[0], "height": size[1]}
        return dict(self.post("generation-jobs/", key=key, **body, sampler_params={"steps": steps}, **more))

    def made(self) -> list[int]:
        jobs = [self.job(prompt, size, batch_size=batch) for prompt, size, batch in MADE]
        jobs += [self.post("generation-jobs/", workflow=workflow) for workflow in WORKFLOWS.values()]
        assert {job["status"] for job in jobs} == {"completed"}, [job["error"] for job in jobs]
        for job in jobs[::3]:
            self.http.patch(f"{JOBS}{job['id']}", json={"pinned": True}).raise_for_status()
        return [int(job["id"]) for job in jobs]

    def failures(self) -> int:
        for said in MOVES:
            self.works.fault("node_error", exception_message=said)
            failed = self.job("A bridge of paper", SQUARE)
            assert failed["status"] == "failed"
        self.works.fault("out_of_memory", times=None)
        self.job("A mural, as large as can be", WIDE)
        self.works.clear_faults()
        return int(failed["id"])

    def older(self, jobs: list[int]) -> None:
        engine = create_engine(self.system.settings, application="sheets")
        for number, job in enumerate(jobs):
            copy_job(engine, job, COPIES, far=FAR * (number + 1), apart=APART)
        engine.dispose()

    def around(self) -> str:
        for path in ("done", "broken", "gone"):
            kinds = ["job.completed", "job.failed"]
            webhook = self.post("webhooks", url=f"{self.endpoint}/{path}", event_types=kinds, description=f"of {path}")
        self.job("A kite", SMALL)
        self.http.patch(f"/api/v1/webhooks/{webhook['id']}", json={"enabled": False}).raise_for_status()
        body = {"prompt": "A postcard", "checkpoint_model": CHECKPOINT}
        for name, cron, paused in (
            ("nightly postcard", "0 3 * * *", False),
            ("wallpaper of the week", "0 8 * * 1", True),
        ):
            made = self.post("schedules", name=name, cron=cron, time_zone="Europe/Berlin", job=body)
            if paused:
                self.http.patch(f"/api/v1/schedules/{made['id']}", json={"paused": True}).raise_for_status()
        self.post("tasks", kind="tag_jobs", filter={"status": ["failed"]}, metadata={"seen": "yes"})
        self.post("tasks", kind="export", filter={"text": "lighthouse"})
        self.post("tasks", kind="delete_jobs", filter={"text": "bridge"}, dry_run=True)
        items = self.http.get("/api/v1/webhooks").json()["items"]
        return next(str(one["id"]) for one in items if str(one["url"]).endswith("/broken"))

    def note_history(self) -> None:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        engine = create_engine(self.system.settings, application="sheets")
        with transaction(engine) as session:
            for ago in range(2, 240):
                session.merge(sample(now - timedelta(minutes=ago), ago))
        engine.dispose()

    def waiting(self, keys: dict[str, str]) -> int:
        """From now on jobs take minutes, and the second server takes one and runs nothing."""
        self.works.pace(step_seconds=4)
        running = self.job_soon("A cathedral of ice at noon", PORTRAIT)
        until(lambda: self.http.get(f"{JOBS}{running}").json()["status"] == "running")
        self.wedges.fault("kill_worker")
        self.post("servers/resume", server=self.wedges.url)
        for number in range(14):
            who = (*keys.values(), "")[number % 4 if number < 8 else 0]
            self.job_soon(
                f"Poster {number + 1} of a summer festival", LANDSCAPE, key=who, priority=(5, 3, 7)[number % 3]
            )
        self.post("servers", url="http://127.0.0.1:9", labels=["a100"])
        until(lambda: any(one["state"] == "wedged" for one in self.http.get("/api/v1/servers").json()["items"]))
        return running

    def job_soon(self, prompt: str, size: tuple[int, int], *, key: str = "", priority: int = 5) -> int:
        body = {"prompt": prompt, "checkpoint_model": CHECKPOINT, "width": size[0], "height": size[1]}
        more = {"sampler_params": {"steps": 140}, "priority": priority, "params": {"previews": True}}
        headers = bearer(key) if key else {}
        answer = self.http.post(JOBS, json={**body, **more}, headers=headers)
        assert answer.is_success, answer.text
        return int(answer.json()["id"])


def sample(at: datetime, ago: int) -> HistorySample:
    """A quiet morning, a rush, and what is left of it."""
    rush = max(0, 60 - abs(ago - 30))
    waiting = [0.0] * 10
    waiting[3], waiting[5], waiting[7] = rush / 8, rush / 3, rush / 20
    used = {"slots": 4, "slots_used": min(4, 1 + rush / 15), "servers": 3, "servers_busy": min(3, 0.5 + rush / 20)}
    return HistorySample(
        step_s=60, at=at, waiting=waiting, oldest_wait_s=rush * 6, stored_bytes=9_000_000 + 40_000 * (240 - ago), **used
    )
