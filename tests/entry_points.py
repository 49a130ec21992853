"""`python -m tests.entry_points MODULE OPTION`: every pair is called as `python -m` would, in a copy of this process.

What each of them would import for a second is imported once, before the copies are made. How they went is printed.
"""

import json
import os
import runpy
import sys
import tempfile
import traceback
import warnings
from typing import Any

import alembic.config  # noqa: F401 - see above

import worker_service.main  # noqa: F401 - see above


def called(module: str, option: str) -> dict[str, Any]:
    """Its exit code, and what it printed."""
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as complained:
        if (child := os.fork()) == 0:
            os.dup2(printed.fileno(), 1)
            os.dup2(complained.fileno(), 2)
            os._exit(run(module, option))
        _, status = os.waitpid(child, 0)
        for file in (printed, complained):
            file.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return {"returncode": code, "stdout": printed.read(), "stderr": complained.read()}


def run(module: str, option: str) -> int:
    warnings.filterwarnings("ignore", module="runpy")  # of what was imported already
    sys.argv[:] = [module, option]
    code: Any = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as Python ends by it
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    pairs = zip(sys.argv[1::2], sys.argv[2::2], strict=True)
    sys.stdout.write(json.dumps({f"{module} {option}": called(module, option) for module, option in list(pairs)}))
