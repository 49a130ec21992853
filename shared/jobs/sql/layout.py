"""SQL laid out to be read: a clause begins a line, and what does not fit on a line is one item a line, indented."""

import re
import textwrap
from collections.abc import Iterator, Sequence

WIDTH = 110
INDENT = "    "
TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "[^"]*" | ::[\w ]+?(?:\[\])?(?=\W|$) | :?[\w.]+ | <[>@] | @> | [!<>]= | \|\| | ->>? | \S""",
    re.VERBOSE,
)
CLAUSES = re.compile(
    r"WITH|SELECT|INSERT INTO|UPDATE|SET|FROM|LEFT OUTER JOIN|JOIN|WHERE|GROUP BY|ORDER BY|LIMIT|RETURNING|UNION ALL"
    r"|FOR (?:NO KEY )?UPDATE|FOR (?:KEY )?SHARE"
)
LONGEST_CLAUSE = 4  # words
LISTS = {"WITH", "SELECT", "SET", "RETURNING", "GROUP BY", "ORDER BY"}
CONDITIONS = {"WHERE"}

Tree = Sequence["str | Tree"]  # tokens, and what is in parentheses


def laid_out(statement: str) -> str:
    pieces = iter(TOKEN.findall(statement))
    return "\n".join(lines(tree(pieces), 0))


def tree(pieces: Iterator[str]) -> Tree:
    found: list[str | Tree] = []
    for piece in pieces:
        if piece == ")":
            break
        found.append(tree(pieces) if piece == "(" else piece)
    return found


def lines(statement: Tree, depth: int) -> list[str]:
    """The lines of a statement, or of any list of items, at this depth."""
    found: list[str] = []
    for head, body in clauses(statement):
        whole = f"{head} {inline(body)}".strip()
        if fits(whole, body, depth):
            found.append(INDENT * depth + whole)
        elif head in LISTS:
            found.append(INDENT * depth + head)
            found += items(split(body, {","}), depth + 1, after=",")
        elif head in CONDITIONS:
            found.append(INDENT * depth + head)
            found += items(split(body, {"AND", "OR"}), depth + 1)
        else:
            found += item(body, depth, before=f"{head} " if head else "")
    return found


def fits(whole: str, body: Tree, depth: int) -> bool:
    return len(whole) + len(INDENT) * depth <= WIDTH and not any(is_query(part) for part in groups(body))


def items(parts: list[Tree], depth: int, *, after: str = "") -> list[str]:
    found: list[str] = []
    if all(len(part) == 1 and isinstance(part[0], str) for part in parts):
        names = f"{after} ".join(map(inline, parts))
        return textwrap.wrap(names, WIDTH, initial_indent=INDENT * depth, subsequent_indent=INDENT * depth)
    for number, part in enumerate(parts):
        laid = item(part, depth)
        if number < len(parts) - 1:
            laid[-1] += after
        found += laid
    return found


def item(part: Tree, depth: int, *, before: str = "") -> list[str]:
    """One item: on a line of its own if it fits, else with what is in its parentheses on further lines."""
    line = INDENT * depth + before
    if fits(before + inline(part), part, depth):
        return [line + inline(part)]
    found: list[str] = []
    words: list[str | Tree] = []
    for word in part:
        if isinstance(word, str) or fits(inline([word]), [word], depth + 1):
            words.append(word)
            continue
        found += [joined(line, [*words, "("]), *inside(word, depth + 1)]
        line, words = INDENT * depth + ")", []
    return [*found, joined(line, words)]


def joined(line: str, words: Tree) -> str:
    apart = line.endswith(")") and words and words[0] != ","
    return f"{line}{' ' if apart else ''}{inline(words)}"


def inside(group: Tree, depth: int) -> list[str]:
    if is_query(group):
        return lines(group, depth)
    operators = {"AND", "OR"} & {word for word in group if isinstance(word, str)}
    return items(split(group, operators or {","}), depth, after="" if operators else ",")


def clauses(statement: Tree) -> Iterator[tuple[str, Tree]]:
    head, body = "", list[str | Tree]()
    position = 0
    while position < len(statement):
        keyword = next((words for words in heads(statement, position) if CLAUSES.fullmatch(words)), None)
        # FROM of IS DISTINCT FROM is no clause.
        if keyword and not (keyword == "FROM" and body and body[-1] == "DISTINCT"):
            if head or body:
                yield head, body
            head, body = keyword, []
            position += len(keyword.split())
        else:
            body.append(statement[position])
            position += 1
    yield head, body


def heads(statement: Tree, position: int) -> Iterator[str]:
    """The longest run of words first, so that `FOR NO KEY UPDATE` is one."""
    for count in range(LONGEST_CLAUSE, 0, -1):
        words = statement[position : position + count]
        if len(words) == count and all(isinstance(word, str) for word in words):
            yield " ".join(map(str, words))


def split(body: Tree, at: set[str]) -> list[Tree]:
    """The parts between commas, which are left out, or from one operator to the next, which begins its part."""
    parts: list[list[str | Tree]] = [[]]
    for word in body:
        if word == "," and "," in at:
            parts.append([])
        elif isinstance(word, str) and word in at:
            parts.append([word])
        else:
            parts[-1].append(word)
    return list(parts)


def groups(body: Tree) -> Iterator[Tree]:
    for word in body:
        if not isinstance(word, str):
            yield word
            yield from groups(word)


def is_query(group: Tree) -> bool:
    return bool(group) and isinstance(group[0], str) and group[0] in {"SELECT", "INSERT", "UPDATE"}


def inline(body: Tree) -> str:
    text = ""
    for word in body:
        piece = word if isinstance(word, str) else f"({inline(word)})"
        glued = not text or text.endswith("(") or piece == "," or piece.startswith(("::", "["))
        called = piece.startswith("(") and re.search(r"[\w\"]$", text) and not re.search(r"\b[A-Z]+$", text)
        text += piece if glued or called or text.endswith("[") or piece == "]" else f" {piece}"
    return text
