"""An OpenAPI document, to which answers are held: their status, and the schema of their body."""

import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

JSON = "application/json"


class Document:
    """A document whose schemas are JSON Schema."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.components = {"components": document["components"]}
        operations = {
            (re.compile(re.sub(r"{\w+}", "[^/]+", path)), method.upper()): operation["responses"]
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        # Of paths that fit, the one with the fewest parameters comes first.
        self.operations = sorted(operations.items(), key=lambda one: one[0][0].pattern.count("["))

    def hold_answer(self, response: Any) -> bool:
        """Hold an answer to what its operation promises. Returns whether it promises anything of this status."""
        asked = response.request
        for method in (asked.method, "GET") if asked.method == "HEAD" else (asked.method,):
            promised = self.promised(method, asked.url.path, response.status_code)
            if promised is None:
                continue
            if asked.method != "HEAD" and JSON in promised.get("content", {}):
                self.hold(response.json(), promised["content"][JSON]["schema"])
            return True
        return False

    def promised(self, method: str, path: str, status: int) -> Any:
        """What is promised of this status; None for nothing."""
        for (pattern, its_method), responses in self.operations:
            if its_method == method and pattern.fullmatch(path.removesuffix("/")) and str(status) in responses:
                return self.resolved(responses[str(status)])
        return None

    def resolved(self, promised: Mapping[str, Any]) -> Any:
        name = promised.get("$ref", "").removeprefix("#/components/responses/")
        return self.components["components"]["responses"][name] if name else promised

    def hold(self, body: Any, schema: Mapping[str, Any]) -> None:
        Draft202012Validator({**schema, **self.components}).validate(body)


def without_nullable(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 in the words of JSON Schema, which has no `nullable`."""
    match schema:
        case {"nullable": True, **rest}:
            return {"anyOf": [without_nullable(rest), {"type": "null"}]}
        case dict():
            return {name: without_nullable(value) for name, value in schema.items()}
        case list():
            return [without_nullable(one) for one in schema]
        case _:
            return schema
