"""Every regular expression of ours, found in the source: where it is, what it says, and how it is used."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
CODE = ("api_service", "worker_service", "shared", "migrations", "deploy")
FUNCTIONS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
AT_THE_START = {"match", "fullmatch"}


class Expression(NamedTuple):
    """An expression. `anchored`: it is only ever tried at the beginning of a text. `whole`: it must match all of it."""

    place: str
    pattern: str
    flags: int = 0
    anchored: bool = False
    whole: bool = False


class Unreadable(Exception):
    """An expression that cannot be read from the source."""


Uses = dict[tuple[Path, str], set[str]]
HAS_SOME = re.compile(r"\bre\.[a-z]|\bpattern=")


def expressions() -> list[Expression]:
    """Parses no more than it must: files that have some, and files that use those."""
    texts = {path: path.read_text() for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in texts.items() if HAS_SOME.search(text)}
    names = {name for tree in trees.values() for name, _ in compiled(tree)}
    is_used = re.compile(rf"\b(?:{'|'.join(sorted(names))})\b")
    uses: Uses = {}
    for path, text in texts.items():
        if is_used.search(text):
            add_uses(path, trees.get(path) or ast.parse(text), uses)
    return [found for path, tree in trees.items() for found in in_file(path, tree, uses)]


def compiled(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The names in a module that stand for an expression, each with the call that compiles it."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=targets, value=ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr="compile")) as call
            ):
                yield from ((target.id, call) for target in targets if isinstance(target, ast.Name))


def add_uses(path: Path, tree: ast.Module, uses: Uses) -> None:
    """Add which methods are called of each name, by the file that the name is from; "?" where it is handed on."""
    nodes = list(ast.walk(tree))
    home = {
        alias.asname or alias.name: ROOT / f"{node.module.replace('.', '/')}.py"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    called = set()
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            called.add(id(node.func.value))
            name = node.func.value.id
            uses.setdefault((home.get(name, path), name), set()).add(node.func.attr)
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called:
            uses.setdefault((home.get(node.id, path), node.id), set()).add("?")


def in_file(path: Path, tree: ast.Module, uses: Uses) -> Iterator[Expression]:
    names = {id(call): name for name, call in compiled(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        place = f"{path.relative_to(ROOT)}:{node.lineno}"
        match node.func:
            case ast.Attribute(value=ast.Name(id="re"), attr=function) if function in FUNCTIONS:
                methods = {function}
                if function == "compile":
                    methods = uses.get((path, names.get(id(node), "")), {"?"})
                at_start = methods <= AT_THE_START
                yield Expression(place, text_of(node.args[0]), flags_of(node), at_start, methods == {"fullmatch"})
            case _:
                for keyword in node.keywords:
                    if keyword.arg == "pattern":
                        yield Expression(place, text_of(keyword.value))


def text_of(node: ast.expr) -> str:
    """The text of an expression. What is put into it is a word."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=bytes(content)):
            return content.decode("latin-1")
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left) + text_of(right)
        case ast.JoinedStr(values=parts):
            return "".join(map(text_of, parts))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr="escape")) | ast.FormattedValue():
            return "word"
    raise Unreadable(ast.unparse(node))


def flags_of(node: ast.Call) -> int:
    given = [*node.args[1:], *(keyword.value for keyword in node.keywords if keyword.arg == "flags")]
    found = 0
    for argument in given:
        for part in ast.walk(argument):
            if isinstance(part, ast.Attribute) and isinstance(flag := getattr(re, part.attr, None), re.RegexFlag):
                found |= flag
    return found
