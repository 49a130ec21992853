"""`python bill_of_materials.py` prints what an image is made of, as CycloneDX 1.6: its Python packages and Debian's."""

import json
import platform
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

PRODUCT = "genonaut-generation"
DPKG = Path("/var/lib/dpkg/status")


def main() -> None:
    json.dump(bill(DPKG), sys.stdout, indent=1)
    sys.stdout.write("\n")


def bill(dpkg: Path) -> dict[str, Any]:
    """The whole document, the same for the same packages. `dpkg` is Debian's list of what is installed."""
    python = sorted(python_packages(), key=lambda one: str(one["name"]))
    (product,) = [one for one in python if one["name"] == PRODUCT]
    debian = sorted(debian_packages(dpkg.read_text()), key=lambda one: str(one["name"])) if dpkg.exists() else []
    others = [one for one in python if one is not product]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**product, "type": "application"}},
        "components": [component("CPython", platform.python_version(), "pkg:generic/python"), *others, *debian],
    }


def python_packages() -> Iterator[dict[str, Any]]:
    for found in distributions():
        name = found.metadata["Name"].lower().replace("_", "-")
        said = "License-Expression" in found.metadata
        licences = {"licenses": [{"expression": found.metadata["License-Expression"]}]} if said else {}
        yield {**component(name, found.version, f"pkg:pypi/{name}"), **licences}


def debian_packages(status: str) -> Iterator[dict[str, Any]]:
    for paragraph in status.split("\n\n"):
        package = HeaderParser().parsestr(paragraph.strip())
        if package.get("Status", "").endswith(" installed"):
            yield component(package["Package"], package["Version"], f"pkg:deb/debian/{package['Package']}")


def component(name: str, version: str, url: str) -> dict[str, Any]:
    purl = f"{url}@{quote(version)}"
    return {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}


if __name__ == "__main__":
    main()
