"""All benches, by the name that `--only` takes."""

from tests.bench import against_native, gpu_kept_busy, through_the_door
from tests.bench.claiming import CLAIMING
from tests.bench.cleaning import CLEANING
from tests.bench.counting import COUNTING
from tests.bench.ended import ENDED
from tests.bench.estimating import ESTIMATING
from tests.bench.figure import Bench
from tests.bench.following import FOLLOWING
from tests.bench.queueing import QUEUEING
from tests.bench.reading import READING
from tests.bench.steering import STEERING
from tests.bench.submitting import SUBMITTING
from tests.bench.thumbnailing import THUMBNAILING
from tests.bench.waiting import WAITING
from tests.bench.watching import WATCHING
from tests.bench.weighing import WEIGHING

BENCHES: dict[str, Bench] = {
    "gpu-50ms": gpu_kept_busy.FIFTY_MS,
    "gpu-20ms": gpu_kept_busy.TWENTY_MS,
    "gpu-straight": gpu_kept_busy.AGAINST_STRAIGHT,
    "two-servers": gpu_kept_busy.TWO_SERVERS,
    "ten-servers": gpu_kept_busy.TEN_SERVERS,
    "submitting": SUBMITTING,
    "waiting": WAITING,
    "claiming": CLAIMING,
    "queueing": QUEUEING,
    "steering": STEERING,
    "cleaning": CLEANING,
    "estimating": ESTIMATING,
    "counting": COUNTING,
    "following": FOLLOWING,
    "reading": READING,
    "ended": ENDED,
    "watching": WATCHING,
    "thumbnailing": THUMBNAILING,
    "weighing": WEIGHING,
    **against_native.BENCHES,
    **through_the_door.BENCHES,
}
