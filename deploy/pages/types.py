"""`python -m deploy.pages.types`: check the types of the pages' modules, with those of our OpenAPI document."""

import json
import sys

from deploy.pages.tools import FOLDER, MODULES, NODE, READY, ROOT, NotInstalled, run, tool

SCHEMA = FOLDER / "openapi.json"
TYPES = FOLDER / "api.d.ts"
PROJECT = FOLDER / "tsconfig.json"
OPTIONS = {
    "checkJs": True,
    "allowJs": True,
    "noEmit": True,
    "strict": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2022", "dom", "dom.iterable"],
    "skipLibCheck": True,
    "types": [],
    "paths": {"api": [str(TYPES)], "*": [str(MODULES / "*")]},
}


def main() -> int:
    if not READY.exists():
        print("The types of the pages were not checked: `make pages` installs what does that.")
        return 0
    pages = ROOT / "api_service" / "pages"
    project = {"compilerOptions": OPTIONS, "include": [str(pages)], "exclude": [str(pages / "built")]}
    PROJECT.write_text(json.dumps(project))
    try:
        SCHEMA.write_text(run([sys.executable, "-m", "api_service.openapi"]))
        options = ["--default-non-nullable=false", "--output", str(TYPES)]  # what has a default may be left out
        run([str(NODE), tool("openapi-typescript"), str(SCHEMA), *options])
        run([str(NODE), str(MODULES / "typescript" / "bin" / "tsc"), "--project", str(PROJECT)])
    except NotInstalled as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
