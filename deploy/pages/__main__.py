"""`python -m deploy.pages`: make the pages that the API serves, if they are not those of the sources."""

import argparse
import sys

from deploy.pages.bundles import build, is_built
from deploy.pages.tools import NotInstalled, install


def main() -> int:
    argparse.ArgumentParser(prog="python -m deploy.pages", description=__doc__).parse_args()
    if is_built():
        return 0
    try:
        install()
        build()
    except NotInstalled as error:
        sys.stderr.write(f"The pages could not be made, and everything else works without them:\n{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
