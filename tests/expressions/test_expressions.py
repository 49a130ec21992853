"""Every regular expression of ours takes time in proportion to its text, whatever the text is."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.expressions.finding import CODE, ROOT, Expression, expressions
from tests.expressions.stepping import MOST_STEPS, adverse_texts, steps

pytestmark = pytest.mark.broad

SIZE = 40
OTHER_IMPORTS = re.compile(r"from re\b|\bregex\b|\bre2\b")  # text that may be one; only such files are parsed
# Twice the text takes twice the steps, and a few more. One that tries again from each letter takes four times as many.
MOST_GROWTH = 2.6
SHARES = 3  # they can be tried by so many processes at once


@cache
def found() -> list[Expression]:
    """Not before a test asks: it parses half of our code."""
    return expressions()


def growths(expression: Expression) -> Iterator[tuple[float, str]]:
    """By how much its steps grow where a text is twice as long, and of which text."""
    for text in adverse_texts(expression):
        more = steps(expression, text(2 * SIZE))
        yield float("inf") if more >= MOST_STEPS else more / steps(expression, text(SIZE)), text(3)


@pytest.mark.parametrize("share", range(SHARES))
def test_twice_the_text_takes_twice_the_time(share: int) -> None:
    for expression in found()[share::SHARES]:
        growth, text = max(growths(expression))
        assert growth <= MOST_GROWTH, f"{expression.place}: {expression.pattern!r} on texts such as {text!r}"


@pytest.mark.parametrize(
    "pattern",
    [
        r"[a-z]+://",
        r"(?<![a-z])[a-z.+-]*://\S+@",
        r"\s+$",
        r"(a+)+b",
        r"(a|a)*b",
        r"(a|ab)*c",
        r"a*a*b",
        r"x.*y",
        r"\d+\d+:",
        r"(.*),(.*);",
        r"^(\w+\s?)*$",
        r"<!--.*?-->",
    ],
)
def test_one_that_does_not_is_seen(pattern: str) -> None:
    assert any(growth > MOST_GROWTH for growth, _ in growths(Expression("here", pattern)))


@pytest.mark.parametrize(
    "pattern", [r"a+b", r"[^@]*@", r"(?:[^:]|::)*", r"://[^:/@\s]*:[^@/\s]+(?=@)", r"^[a-z]{1,64}$"]
)
def test_one_that_does_is_let_through(pattern: str) -> None:
    whole = pattern in {"a+b", "[^@]*@"}
    assert max(growths(Expression("here", pattern, anchored=whole)))[0] <= MOST_GROWTH


def test_all_are_found() -> None:
    """They are written as `re.compile(...)` and the like, to be found here. Those in SQL are for short words."""
    assert len(found()) > 20
    for path in (path for folder in CODE for path in (ROOT / folder).rglob("*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if OTHER_IMPORTS.search(text) else ():
            assert not (isinstance(node, ast.ImportFrom) and node.module in {"re", "regex"}), path
            assert not (isinstance(node, ast.Import) and {name.name for name in node.names} & {"regex", "re2"}), path
        in_sql = re.search(r"regexp_|SIMILAR TO|~\*", text)
        assert not in_sql or path.name == "legacy_values.py", f"{path}: of a column of 20 characters alone"
