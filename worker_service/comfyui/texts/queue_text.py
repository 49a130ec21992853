"""A queue is read as it comes, without the graphs in it: others may have sent prompts of any size, and ours wait
between them."""

import re
from collections.abc import Iterable, Iterator

DEEPEST = 3  # the queue, its lists, and the entries in them
LONGEST_TEXT = 4096  # bytes; an id of ours has 36
REST_OF_TEXT = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
MARK = re.compile(rb'"|[\[{]+|[\]}]+')
# What lies between brackets: texts that end, and all else.
BETWEEN = re.compile(rb'(?:[^"\[\]{}]+|"[^"\\]*(?:\\.[^"\\]*)*")*', re.DOTALL)
QUOTE, OPENING = ord('"'), b"[{"


def without_graphs(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The JSON of a queue with an empty list in the place of whatever lies deeper than its entries, and an empty text
    in the place of a long one. No more of it than a piece is in memory."""
    skim = Skim()
    for piece in pieces:
        yield skim.shallow(piece)


class Skim:
    """Where in a JSON document one is, and what is kept of it."""

    def __init__(self) -> None:
        self.depth = 0
        self.is_text = self.is_escaped = False
        self.text = bytearray()  # as far as it has come
        self.kept = bytearray()

    def shallow(self, piece: bytes) -> bytes:
        """What is kept of the next piece, and of a text that ends in it."""
        at = 0
        while at < len(piece):
            at = self.go_on_in_text(piece, at) if self.is_text else self.go_on(piece, at)
        kept, self.kept = self.kept, bytearray()
        return bytes(kept)

    def go_on(self, piece: bytes, at: int) -> int:
        passed = BETWEEN.match(piece, at) if self.depth > DEEPEST else None
        at = passed.end() if passed else at
        found = MARK.search(piece, at)
        end = found.start() if found else len(piece)
        if self.depth <= DEEPEST:
            self.kept += piece[at:end]
        if found is None:
            return end
        if found[0] == b'"':
            self.is_text = True
        else:
            self.pass_brackets(found[0])
        return found.end()

    def pass_brackets(self, run: bytes) -> None:
        """Go down or up by as many levels as there are brackets, all of one direction."""
        if run[0] in OPENING:
            shallow = run[: max(0, DEEPEST - self.depth)]
            self.kept += shallow
            if self.depth <= DEEPEST and len(run) > len(shallow):
                self.kept += b"[]"
            self.depth += len(run)
        else:
            self.kept += run[max(0, self.depth - DEEPEST) :]
            self.depth -= len(run)

    def go_on_in_text(self, piece: bytes, at: int) -> int:
        found = None if self.is_escaped else REST_OF_TEXT.match(piece, at)
        end = found.end() if found else at + 1
        self.is_escaped = False
        self.take(piece[at:end])
        if found is None or end == len(piece):
            return end
        if piece[end] == QUOTE:
            self.end_text()
        else:  # the piece ends within an escape
            self.is_escaped = True
            self.take(piece[end:])
        return end + 1

    def take(self, part: bytes) -> None:
        if self.depth <= DEEPEST and len(self.text) <= LONGEST_TEXT:
            self.text += part

    def end_text(self) -> None:
        if self.depth <= DEEPEST:
            self.kept += b'"%s"' % (self.text if len(self.text) <= LONGEST_TEXT else b"")
        self.is_text = False
        self.text.clear()
