"""`python -m api_service.openapi`: print the OpenAPI document."""

import argparse
import json
import sys

from shared.imports import importing

with importing():
    from api_service.routes import document


def main() -> None:
    argparse.ArgumentParser(prog="python -m api_service.openapi", description=__doc__).parse_args()
    json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
