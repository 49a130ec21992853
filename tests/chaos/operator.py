"""Restarts the servers that workers call dead, as an operator's restart command does."""

import threading
import time

from tests.chaos.schedule import Aim, Struck
from tests.chaos.strike import Strike
from tests.chaos.world import requests_in

REPLACED = "comfyui-replaced"
LOOK_S = 0.5


class Operator(threading.Thread):
    """Restarts each server that is asked for, unless a fault has it; `close` ends this and returns what was done."""

    def __init__(self, aim: Aim) -> None:
        super().__init__(name="operator", daemon=True)
        self.aim = aim
        self.replaced: list[Struck] = []
        self.closing = threading.Event()

    def run(self) -> None:
        done = 0
        while not self.closing.wait(LOOK_S):
            asked = self.asked()
            for url in asked[done:]:
                self.replace(url)
            done = len(asked)

    def asked(self) -> list[str]:
        file = requests_in(self.aim.world.plan.directory)
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        return [line.strip() for line in lines if line.endswith("\n")]

    def replace(self, url: str) -> None:
        world = self.aim.world
        name = next(name for name, comfyui in world.comfyuis.items() if comfyui.name == url)
        with self.aim.targets[name]:
            began_at = time.time()
            self.aim.say(f"{REPLACED} {name}")
            world.comfyuis[name].kill()
            world.comfyuis[name].start()
            strike = Strike(0, REPLACED, name, 0)
            self.replaced.append(Struck(strike, began_at, time.time(), frozenset()))

    def close(self) -> list[Struck]:
        self.closing.set()
        self.join()
        return self.replaced
