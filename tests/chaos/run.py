"""One run: start everything, submit and strike by the clock, wait for the end, gather what is left, give account."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import select

from deploy.local.system import USER, Say
from shared.database.engine import create_engine, transaction
from shared.messaging.messenger import Messenger
from shared.messaging.opening import open_messenger
from shared.models import User
from tests.chaos.account import Violation, account
from tests.chaos.clients import Clients
from tests.chaos.evidence import Evidence, Witnesses, gather
from tests.chaos.follow_ups.tasks import ask_all
from tests.chaos.jobs import orders
from tests.chaos.monitor import Monitor, wait_for_the_end, wait_for_the_servers
from tests.chaos.operator import Operator
from tests.chaos.plan import Plan
from tests.chaos.schedule import Aim, schedule, strike_all
from tests.chaos.watchers import Watchers
from tests.chaos.world import World, running_world

SERVERS_WITHIN_S = 90.0  # a thread that died last is noticed, and its server restarted
SETTLE_S = 3.0  # what is withdrawn or thrown away after the last job's end


@dataclass(frozen=True)
class Result:
    plan: Plan
    evidence: Evidence
    violations: list[Violation]
    took_s: float


def run(plan: Plan, say: Say) -> Result:
    """Everything is stopped when this returns, or raises."""
    began = time.monotonic()
    with running_world(plan, say) as world, database(world) as engine:
        evidence = trouble(world, engine, say)
    return Result(plan, evidence, account(evidence), time.monotonic() - began)


@contextmanager
def database(world: World) -> Iterator[Engine]:
    """Straight to PostgreSQL, past its link."""
    engine = create_engine(world.direct, application="chaos")
    try:
        yield engine
    finally:
        engine.dispose()


def trouble(world: World, engine: Engine, say: Say) -> Evidence:
    """Submit and strike, each by the clock; then wait, and gather."""
    plan, closing = world.plan, threading.Event()
    watchers = Watchers(world.apis, world.key, closing)
    sender, user = messenger(world, engine), user_id(engine)
    clients = Clients(world.apis, world.key, sender, user, watchers)
    world.receivers.subscribe(sender, user)
    monitor = Monitor(engine)
    supervisor = threading.Thread(target=world.supervise, args=[closing], name="supervisor", daemon=True)
    monitor.start()
    supervisor.start()
    aim = Aim(world, lambda: monitor.holders, closing, say)
    operator = Operator(aim)
    operator.start()
    say(f"{plan.jobs} jobs and {len(plan.kinds) * plan.each} faults in {plan.window_s:.0f} s")
    try:
        with ThreadPoolExecutor(3, thread_name_prefix="clock") as pool:
            submitting = pool.submit(clients.submit_all, orders(plan, world.receivers.url("own")))
            asking = pool.submit(ask_all, clients, plan, closing)
            striking = pool.submit(strike_all, aim, schedule(plan))
            try:
                submissions, asked, struck = submitting.result(), asking.result(), striking.result()
                say("all submitted, and every fault undone: waiting for the ends")
                left = wait_for_the_end(engine, within_s=plan.drain_s, hurry=plan.hurry)
                say(f"{left} have not ended" if left else "every job has ended, and what follows")
                wait_for_the_servers(engine, within_s=SERVERS_WITHIN_S)
                struck += operator.close()
                watched = watchers.all_heard()
                time.sleep(SETTLE_S)
            except BaseException:
                closing.set()
                raise
        return gather(world, engine, Witnesses(submissions, asked, watched, monitor.samples, struck))
    finally:
        closing.set()
        clients.http.close()
        operator.close()
        supervisor.join()
        monitor.close()


def messenger(world: World, engine: Engine) -> Messenger:
    return open_messenger(engine, world.direct)


def user_id(engine: Engine) -> UUID:
    with transaction(engine) as session:
        return session.exec(select(User.id).where(User.name == USER)).one()
