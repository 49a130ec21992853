"""An answer on a line: its head is checked, its body is read in pieces as they come, and what breaks off is none."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse

from worker_service.comfyui.http.failures import AnswerBroken
from worker_service.comfyui.http.line import Line

PIECE = 256 * 1024  # bytes
BROKEN_OFF = "its answer breaks off"


class Answer:
    """One whose body is yet to be read. `is_whole` says whether all of it was."""

    def __init__(self, response: HTTPResponse, line: Line) -> None:
        self.response = response
        self.line = line
        self.headers: HTTPMessage = response.msg
        self.is_whole = response.length == 0

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def is_good(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def may_be_followed(self) -> bool:
        """Whether the next request can be sent on the same line."""
        return self.is_whole and not self.response.will_close

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, in pieces of at most 256 KiB. Raises RequestFailed, AnswerBroken."""
        left = self.response.length  # None where it comes in chunks, or ends with the connection
        # http.client's own reading of what has a length does not count in all versions of Python.
        read = self.response.read1 if self.response.chunked else self.line.reader.read1
        while left != 0 and (piece := one_of(read, PIECE if left is None else min(left, PIECE))):
            left = None if left is None else left - len(piece)
            yield piece
        if left:
            raise AnswerBroken(BROKEN_OFF)
        self.is_whole = True


def one_of(read: Callable[[int], bytes], most: int) -> bytes:
    try:
        return read(most)
    except HTTPException as error:
        raise AnswerBroken(BROKEN_OFF) from error


def answer_on(line: Line, method: str) -> Answer:
    """Read the head of an answer; those that only precede it are passed over. Raises RequestFailed, AnswerBroken."""
    while True:
        response = HTTPResponse(line, method=method)  # type: ignore[arg-type]
        try:
            response.begin()
        except (HTTPException, ValueError, ConnectionError) as error:
            raise AnswerBroken(f"it answers without a head that is HTTP: {error}"[:200]) from error
        if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise AnswerBroken("it speaks another protocol")
        if response.status >= HTTPStatus.OK:
            check(response)
            return Answer(response, line)


def check(response: HTTPResponse) -> None:
    """Where its head leaves open how long the body is, what comes next on the line would be taken for another answer.
    Raises AnswerBroken."""
    headers = response.msg
    if headers.defects:
        raise AnswerBroken("it answers with headers that are none")
    lengths, coding = headers.get_all("content-length", []), headers.get("transfer-encoding")
    if len(set(lengths)) > 1 or (lengths and not response.chunked and response.length is None):
        raise AnswerBroken("it answers with a length that is none")
    if coding is not None and not response.chunked:
        raise AnswerBroken("it answers in a transfer encoding that nobody asked for")
