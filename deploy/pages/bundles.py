"""Each page becomes one HTML file with the names of its script and styles, which have a hash of their content."""

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any

from deploy.pages.tools import FOLDER, MODULES, ROOT, esbuild, run

SOURCES = ROOT / "api_service" / "pages"
BUILT = SOURCES / "built"
HTML = SOURCES / "page.html"
USED = ("preact", "htm", "@preact/signals", "@preact/signals-core", "uplot", "photoswipe")
# One list of pages: the folder of each, and what its tab says.
PAGES = {
    "studio": "Studio",
    "gallery": "Gallery",
    "dashboard": "Dashboard",
    "sign_in": "Sign in",
}


def is_built() -> bool:
    """Whether what is there was made of the sources as they are."""
    stamp = BUILT / "built"
    return stamp.exists() and all(source.stat().st_mtime <= stamp.stat().st_mtime for source in sources())


def sources() -> list[Path]:
    """Everything that pages are made of."""
    ours = [path for path in SOURCES.rglob("*") if path.is_file() and BUILT not in path.parents]
    return [*ours, Path(__file__), *(ROOT / "requirements" / "pages").iterdir()]


def build() -> None:
    """Make all pages anew, beside the old ones, and put them in their place. Raises NotInstalled."""
    new = FOLDER / "built"
    shutil.rmtree(new, ignore_errors=True)
    meta = FOLDER / "meta.json"
    entries = [str(SOURCES / page / "main.js") for page in PAGES]
    options = ["--bundle", "--format=esm", "--minify", "--target=es2022", "--legal-comments=none"]
    names = ["--entry-names=[dir]-[hash]", "--asset-names=[name]-[hash]"]
    os.environ["NODE_PATH"] = str(MODULES)
    run([esbuild(), *entries, *options, *names, f"--outdir={new}", f"--outbase={SOURCES}", f"--metafile={meta}"])
    outputs = json.loads(meta.read_text())["outputs"]
    template = HTML.read_text()
    for page, title in PAGES.items():
        (new / f"{page}.html").write_text(page_of(template, title, outputs, f"api_service/pages/{page}/main.js"))
    for file in [path for path in new.rglob("*") if path.is_file()]:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
    keep_licences(new)
    (new / "built").touch()
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copytree(new, BUILT)
    os.utime(BUILT / "built")


def page_of(template: str, title: str, outputs: dict[str, Any], entry: str) -> str:
    """The HTML of one page, with its styles and its script."""
    name, found = next((name, one) for name, one in outputs.items() if one.get("entryPoint") == entry)
    lines = [f'<link rel="stylesheet" href="pages/{address_of(found["cssBundle"])}">']
    lines.append(f'<script type="module" src="pages/{address_of(name)}"></script>')
    return template.replace("{{title}}", title).replace("{{parts}}", "\n    ".join(lines))


def address_of(output: str) -> str:
    return output.partition(f"{FOLDER.name}/built/")[2]


def keep_licences(new: Path) -> None:
    folder = new / "licences"
    folder.mkdir()
    for package in USED:
        for licence in (MODULES / package).glob("LICENSE*"):
            shutil.copy(licence, folder / f"{package.replace('/', '-').removeprefix('@')}.txt")
