"""What has to be arranged so that a recording can be replayed without its timing.

A recording says in which order things arrived. Where the recorded server was still busy while a client acted, the
simulator is held there by a stall; where a client wrote an answer down after it had seen the effect, the line is moved.
Lines are counted from 0, the title.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any


@dataclass(frozen=True)
class Hold:
    """A stall armed before line `first` and cleared before line `until`, or never (the process is ended meanwhile).

    Before line `awaited` the stall must have struck.
    """

    first: int
    until: int | None
    where: Mapping[str, Any]
    awaited: int | None = None


class Deed(Enum):
    """What was done to the recorded server besides talking to it, or waited for."""

    DELETE_OUTPUTS = auto()
    KILL = auto()
    RESTART = auto()
    RESTART_AFTER_ITS_END = auto()  # it ended by itself, with exit code 1
    TERMINATE = auto()
    INTERRUPT = auto()
    WAIT_FINISHED = auto()
    WAIT_WORKER_DEAD = auto()
    EMPTY_CACHE = auto()
    DEAF_CLIENT_COMES = auto()  # a socket that is opened and never read
    DEAF_CLIENT_GOES = auto()
    HEAR_NOTHING = auto()


@dataclass(frozen=True)
class Script:
    """Deeds are done before the line they are given for."""

    holds: tuple[Hold, ...] = ()
    moves: Mapping[int, int] = field(default_factory=dict)
    deeds: Mapping[int, Deed] = field(default_factory=dict)
    # Lists of jobs that begin with the recording's own; the others are of recordings made before.
    own_jobs: Mapping[int, int] = field(default_factory=dict)
    # The highest number of a file name, where the end of a process left it to chance.
    highest: Mapping[int, tuple[str, int]] = field(default_factory=dict)


LOADER = {"node": "CheckpointLoaderSimple"}
FIRST_STEP = {"step": 1}

SCRIPTS: Mapping[str, Script] = {
    "0.8/ws/02_success_t2i_cold": Script(holds=(Hold(3, 30, FIRST_STEP),)),
    "0.8/ws/09_interrupt_global_empty_body": Script(holds=(Hold(5, 11, {"at": "take"}), Hold(5, 35, FIRST_STEP))),
    "0.8/ws/09_interrupt_no_client_id": Script(holds=(Hold(5, 37, FIRST_STEP),)),
    "0.8/ws/09_interrupt_prompt_id": Script(holds=(Hold(5, 17, LOADER), Hold(5, 37, FIRST_STEP))),
    "0.8/ws/10_interrupt_in_long_single_node": Script(
        holds=(Hold(3, 17, {"node": "ImageBlur"}, awaited=16), Hold(25, 36, {"node": "SaveImage"}, awaited=35))
    ),
    "0.8/ws/11_delete_pending_and_clear": Script(
        holds=(Hold(5, 25, {"at": "started"}), Hold(5, 37, LOADER)), moves={13: 9}
    ),
    "0.8/ws/13_fully_cached": Script(deeds={42: Deed.DELETE_OUTPUTS}),
    "0.8/ws/17_reconnect_mid_run": Script(holds=(Hold(3, 31, FIRST_STEP),)),
    "0.8/ws/18_reconnect_overlap": Script(
        holds=(Hold(3, 15, FIRST_STEP), Hold(3, 20, {"step": 2})),
        deeds={20: Deed.WAIT_FINISHED, 24: Deed.WAIT_FINISHED},
    ),
    "0.8/ws/19_late_connect": Script(deeds={2: Deed.WAIT_FINISHED}),
    "0.8/ws/20_same_prompt_id_twice": Script(holds=(Hold(3, 18, LOADER), Hold(130, 144, LOADER)), own_jobs={17: 4}),
    "0.8/ws/21_priority_number_front": Script(
        holds=(Hold(3, 18, {"at": "planned"}), Hold(3, 27, LOADER)), moves={21: 20}
    ),
    "0.8/ws/24a_same_number_and_prompt_id_500_but_queued": Script(holds=(Hold(3, 14, LOADER),), moves={11: 10}),
    "0.8/ws/24b_POISON_worker_death": Script(holds=(Hold(3, 17, LOADER),), deeds={47: Deed.WAIT_WORKER_DEAD}),
    "0.8/ws/25_poison_prompts": Script(
        moves={113: 112},
        # After each variant that had cost the worker or the process.
        deeds={
            39: Deed.RESTART,
            172: Deed.RESTART,
            199: Deed.RESTART_AFTER_ITS_END,
            210: Deed.RESTART_AFTER_ITS_END,
        },
        highest={212: ("noise", 7)},
    ),
    "0.8/ws/40_kill9_mid_run": Script(
        holds=(Hold(35, 40, {"at": "taken"}), Hold(35, None, FIRST_STEP)), deeds={63: Deed.KILL, 67: Deed.RESTART}
    ),
    "0.8/ws/41_kill9_mid_file_write": Script(
        holds=(Hold(3, None, {"at": "write"}, awaited=17),), deeds={18: Deed.KILL, 21: Deed.RESTART}
    ),
    "0.8/ws/42_SIGINT_mid_run": Script(holds=(Hold(3, None, FIRST_STEP),), deeds={28: Deed.INTERRUPT}),
    "0.8/ws/42_SIGTERM_mid_run": Script(holds=(Hold(3, None, FIRST_STEP),), deeds={28: Deed.TERMINATE}),
    # Nothing recorded says why its second prompt found nothing cached of the first.
    "0.8/ws/50_filename_reuse": Script(deeds={24: Deed.DELETE_OUTPUTS, 25: Deed.EMPTY_CACHE}),
    "0.8/ws/51_stalled_reader": Script(
        deeds={
            1: Deed.DEAF_CLIENT_COMES,
            14: Deed.WAIT_FINISHED,
            18: Deed.WAIT_FINISHED,
            19: Deed.HEAR_NOTHING,
            20: Deed.DEAF_CLIENT_GOES,
        }
    ),
}
