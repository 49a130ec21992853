"""What a program imports never becomes garbage, so nobody looks for some in it, at its start or at its end.

Python's search for garbage goes through all objects again and again while their number grows, and once more at the
end. That took half of the 1.8 s of processor time in which the API is imported.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """For the imports of a program: a `with` block around those of its `__main__`.

    What there is at the end of the block is kept for good. At the end of the process nothing is searched either: the
    system takes all memory back at once. What wants to be told of the end is told by `atexit`, never by its `__del__`.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
    atexit.register(gc.freeze)
