"""A matcher that counts its steps: it tries what Python's tries, in the same order, and never looks at a clock."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from re import _constants as c  # type: ignore[attr-defined]  # what `re` reads an expression into
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from tests.expressions.finding import Expression

Items = Sequence[tuple[Any, Any]]
Then = Callable[[int], int | None]

MOST_STEPS = 5000
MOST_TIMES = 8  # a repeat that has a bound has this one: a text is longer than it, and then its share is constant
MOST_REPEATS = 3  # of a sample
PAIR, MOST_UNITS = 6, 25  # how long two pieces together are at most, and how many of all are tried
OUTSIDE = "\x07"  # in no class of ours but the negated ones


class TooManySteps(Exception):
    """An expression that takes longer than anything which grows in proportion could."""


class Parsed:
    """What an expression consists of, for all texts that it is tried on."""

    def __init__(self, pattern: str, flags: int) -> None:
        tree = parser.parse(pattern, flags)
        self.items: Items = plain(tree)
        self.flags: int = tree.state.flags
        self.ones: dict[Any, re.Pattern[str]] = {}


def plain(value: Any) -> Any:
    """The same as tuples, which are read much quicker than what the parser makes."""
    return tuple(map(plain, value)) if isinstance(value, list | tuple | parser.SubPattern) else value


parsed = cache(Parsed)


class Stepper:
    """Matches one expression against one text, and counts."""

    def __init__(self, expression: Expression, text: str) -> None:
        found = parsed(expression.pattern, expression.flags)
        self.items, self.flags, self.ones = found.items, found.flags, found.ones
        self.expression = expression
        self.text = text
        self.steps = 0

    def count(self) -> int:
        """The steps of finding every match, or of the one attempt where there is only one."""
        position = 0
        while position <= len(self.text):
            end = self.run(self.items, position, self.accept)
            if self.expression.anchored:
                break
            position = end if end is not None and end > position else position + 1
        return self.steps

    def accept(self, position: int) -> int | None:
        return position if position == len(self.text) or not self.expression.whole else None

    def run(self, items: Items, position: int, then: Then) -> int | None:
        """Match these items one after the other, and then the rest. Returns where the match ends."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooManySteps
        if not items:
            return then(position)
        (kind, what), rest = items[0], items[1:]

        def go_on(after: int) -> int | None:
            return self.run(rest, after, then)

        if kind in ONE_CHARACTER:
            return go_on(position + 1) if self.is_one_of(kind, what, position) else None
        match kind:
            case c.SUBPATTERN:
                return self.run(what[-1], position, go_on)
            case c.ATOMIC_GROUP:
                end = self.run(what, position, lambda after: after)
                return None if end is None else go_on(end)
            case c.BRANCH:
                ends = (self.run(branch, position, go_on) for branch in what[1])
                return next((end for end in ends if end is not None), None)
            case c.MAX_REPEAT | c.MIN_REPEAT | c.POSSESSIVE_REPEAT:
                return self.repeat(kind, what, position, go_on)
        return go_on(position) if self.holds(kind, what, position) else None

    def holds(self, kind: Any, what: Any, position: int) -> bool:
        """Whether a condition holds here, which takes nothing of the text."""
        if kind is c.AT:
            return self.is_at(what, position)
        direction, body = what
        if direction < 0:
            return True  # one that looks back looks at so many characters and no more
        return (self.run(body, position, lambda after: after) is not None) is (kind is c.ASSERT)

    def repeat(self, kind: Any, what: Any, position: int, go_on: Then) -> int | None:
        least, most = (
            min(int(what[0]), MOST_TIMES),
            min(int(what[1]), MOST_TIMES) if is_bounded(what) else len(self.text),
        )
        body = what[2]

        def more(times: int, here: int) -> int | None:
            def again() -> int | None:
                longer = most > times
                return (
                    self.run(body, here, lambda after: more(times + 1, after) if after > here else None)
                    if longer
                    else None
                )

            def enough() -> int | None:
                return go_on(here) if times >= least else None

            first, second = (enough, again) if kind is c.MIN_REPEAT else (again, enough)
            end = first()
            return end if end is not None else second()

        return more(0, position)

    def is_one_of(self, kind: Any, what: Any, position: int) -> bool:
        if position >= len(self.text):
            return False
        key = (kind, what)
        if key not in self.ones:
            self.ones[key] = one_character(kind, what, self.flags)
        return self.ones[key].match(self.text, position) is not None

    def is_at(self, what: Any, position: int) -> bool:
        source = {
            c.AT_BEGINNING: r"^", c.AT_BEGINNING_STRING: r"\A", c.AT_END: r"$", c.AT_END_STRING: r"\Z",
            c.AT_BOUNDARY: r"\b", c.AT_NON_BOUNDARY: r"\B",
        }[what]  # fmt: skip
        return re.compile(source, self.flags & re.MULTILINE).match(self.text, position) is not None


ONE_CHARACTER = (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN)
CATEGORIES = {
    c.CATEGORY_DIGIT: r"\d", c.CATEGORY_NOT_DIGIT: r"\D", c.CATEGORY_SPACE: r"\s", c.CATEGORY_NOT_SPACE: r"\S",
    c.CATEGORY_WORD: r"\w", c.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def one_character(kind: Any, what: Any, flags: int) -> re.Pattern[str]:
    """The expression for what matches a single character, which takes one step."""
    flags &= re.IGNORECASE | re.DOTALL | re.ASCII
    match kind:
        case c.LITERAL:
            return re.compile(re.escape(chr(what)), flags)
        case c.NOT_LITERAL:
            return re.compile(f"[^{re.escape(chr(what))}]", flags)
        case c.ANY:
            return re.compile(".", flags)
    return re.compile("[" + "".join(map(part_of_class, what)) + "]", flags)


def part_of_class(part: tuple[Any, Any]) -> str:
    match part:
        case (c.NEGATE, _):
            return "^"
        case (c.LITERAL, number):
            return re.escape(chr(number))
        case (c.RANGE, (low, high)):
            return f"{re.escape(chr(low))}-{re.escape(chr(high))}"
        case (c.CATEGORY, category):
            return CATEGORIES[category]
    raise NotImplementedError(part)


def samples(items: Items, flags: int) -> Iterator[str]:
    """One text for each item, which it matches: together they are a text that the expression matches."""
    for kind, what in items:
        if kind in ONE_CHARACTER:
            one = one_character(kind, what, flags)
            yield next(character for character in map(chr, [*range(97, 123), *range(256)]) if one.match(character))
        elif kind is c.SUBPATTERN:
            yield "".join(samples(list(what[-1]), flags))
        elif kind is c.ATOMIC_GROUP:
            yield "".join(samples(list(what), flags))
        elif kind is c.BRANCH:
            yield next("".join(samples(list(branch), flags)) for branch in what[1])
        elif kind in {c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT}:
            yield "".join(samples(list(what[2]), flags)) * max(1, min(int(what[0]), MOST_REPEATS))


def is_bounded(repeat: Any) -> bool:
    return int(repeat[1]) < int(c.MAXREPEAT)


def every_item(items: Items) -> Iterator[tuple[Any, Any]]:
    for kind, what in items:
        yield kind, what
        parts = (
            what[1] if kind is c.BRANCH else [what[-1]] if kind in NESTING else [what] if kind is c.ATOMIC_GROUP else []
        )
        for part in parts:
            yield from every_item(list(part))


NESTING = {c.SUBPATTERN, c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT, c.ASSERT, c.ASSERT_NOT}


def adverse_texts(expression: Expression) -> Iterator[Callable[[int], str]]:
    """Texts of any size that nearly match: what the expression takes, again and again, with an end that it refuses."""
    found = parsed(expression.pattern, expression.flags)
    items, flags = found.items, found.flags
    whole = list(samples(items, flags))
    prefixes = {"", *("".join(whole[:place]) for place in range(1, len(whole) + 1))}
    pieces = {text for text in samples(list(every_item(items)), flags) if text}
    pairs = {left + right for left in pieces for right in pieces if len(left + right) < PAIR}
    units = sorted(pieces | pairs | (set(whole) - {""}), key=len)[:MOST_UNITS]
    for prefix in sorted(prefixes):
        for unit in (*units, *filter(None, [prefix])):
            for end in ("", OUTSIDE):
                yield lambda size, prefix=prefix, unit=unit, end=end: prefix + (unit * size)[:size] + end  # type: ignore[misc]


def steps(expression: Expression, text: str) -> int:
    """How many steps it takes, MOST_STEPS for more than those."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        return Stepper(expression, text).count()
    except TooManySteps:
        return MOST_STEPS
    finally:
        sys.setrecursionlimit(limit)
