"""`python -m tests.monitoring`: Prometheus and its `promtool`, from Debian's package, unpacked in `.monitoring`.

Nothing is installed or started. The tests that run them are skipped while they are neither there nor in PATH.
"""

from tests.unpacked import ROOT, program, unpack

FOLDER = ROOT / ".monitoring"

PROMETHEUS, PROMTOOL = program(FOLDER, "prometheus"), program(FOLDER, "promtool")
MISSING = "`make monitoring` unpacks Prometheus and promtool here, on Debian; they are not there"


def main() -> None:
    """Unpack what is not there."""
    if not (PROMETHEUS and PROMTOOL):
        unpack(FOLDER, "prometheus")


if __name__ == "__main__":
    main()
