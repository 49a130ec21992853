"""A multipart form is read as it comes: its files go on in pieces, and only its short fields are kept.

Starlette's own form parser is not used: it writes whole files to the disk of this machine before anybody sees them.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from api_service.http.request_refusals import body_too_large, invalid_form, unsupported_media_type
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError

FORM = "multipart/form-data"
FILE = "file"  # what the one field with a file is usually called
AT_ONCE = 256 * 1024  # bytes that go on together
MOST_PARTS = 64
LONGEST_FIELDS = 64 * 1024  # bytes of all fields that are no file
BESIDE = 128 * 1024  # bytes of a body that are no file: fields, their heads, boundaries


class Sink(Protocol):
    """What takes a file in."""

    async def begin(self) -> None: ...

    async def write(self, piece: bytes) -> None: ...


@dataclass
class Form:
    """What was sent with the file, by name; a field may come several times. `filename` is the first file's."""

    filename: str
    fields: Mapping[str, Sequence[str]]


@dataclass
class Part:
    """A part of a form as its head describes it."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None


async def read_form(request: Request[Any], sink: Sink, largest: int, file_field: str = FILE) -> Form:
    """Give the form's file, in its field of that name, to the sink; return the rest.

    Raises Refusal: 413, for more than `largest` bytes and a little; 415; invalid_form; invalid_fields.
    """
    return await read_files(request, {file_field: sink}, largest)


async def read_files(request: Request[Any], sinks: Mapping[str, Sink], largest: int) -> Form:
    """Give each file to the sink of its field; of fields with the same sink one may be sent. The first field must be.

    Raises as `read_form` does; `largest` is for all files together.
    """
    refuse_what_says_it_is_larger(request, largest + BESIDE)
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type != FORM.encode():
        raise unsupported_media_type(request.headers.get("content-type", ""), FORM)
    if not options.get(b"boundary"):
        raise invalid_form("its Content-Type names no boundary")
    reader = FormReader(options[b"boundary"], sinks)
    async for chunk in bounded(request, largest + BESIDE):
        await reader.read(chunk)
    return await reader.finish()


def refuse_what_says_it_is_larger(request: Request[Any], most: int) -> None:
    """Before a byte of it is read. Raises Refusal: body_too_large."""
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdecimal() and (len(said) > 18 or int(said) > most):
        raise body_too_large(most)


async def bounded(request: Request[Any], most: int) -> AsyncIterator[bytes]:
    """The body, in chunks as it comes. Raises Refusal: body_too_large."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise body_too_large(most)
        for start in range(0, len(chunk), AT_ONCE):
            yield chunk[start : start + AT_ONCE]


class FormReader:
    """Turns what the parser says of a chunk into calls of the sinks, and into fields."""

    def __init__(self, boundary: bytes, sinks: Mapping[str, Sink]) -> None:
        self.sinks = sinks
        self.first_field = next(iter(sinks))
        self.part = Part()
        self.parts = 0
        self.begun = 0  # sinks
        self.filename: str | None = None
        self.files: list[Sink] = []  # one for each file that has come
        self.fields: defaultdict[str, list[bytearray]] = defaultdict(list)
        self.field_bytes = 0
        self.waiting: list[tuple[Sink, bytearray]] = []  # bytes of files that have not gone on
        self.has_ended = False
        self.header_name, self.header_value = b"", b""
        try:
            self.parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self.on_part_begin,
                    "on_header_field": self.on_header_field,
                    "on_header_value": self.on_header_value,
                    "on_header_end": self.on_header_end,
                    "on_headers_finished": self.on_headers_finished,
                    "on_part_data": self.on_part_data,
                    "on_end": self.on_end,
                },
            )
        except FormParserError:
            raise invalid_form("its boundary is longer than a boundary may be") from None

    async def read(self, chunk: bytes) -> None:
        try:
            self.parser.write(chunk)
        except FormParserError:
            raise invalid_form("it is malformed") from None
        for sink in self.files[self.begun :]:
            self.begun += 1
            await sink.begin()
        if len(self.waiting) > 1 or sum(len(piece) for _, piece in self.waiting) >= AT_ONCE:
            await self.pass_on()

    async def pass_on(self) -> None:
        waiting, self.waiting = self.waiting, [(sink, bytearray()) for sink, _ in self.waiting[-1:]]
        for sink, piece in waiting:
            if piece:
                await sink.write(bytes(piece))

    async def finish(self) -> Form:
        if not self.has_ended:
            raise invalid_form("it ends before its last boundary")
        if self.filename is None or self.sinks[self.first_field] not in self.files:
            raise wrong_part(self.first_field, "a file must be sent in this field, with a filename", "missing")
        await self.pass_on()
        return Form(
            self.filename,
            {name: [text(name, value) for value in values] for name, values in self.fields.items()},
        )

    def on_part_begin(self) -> None:
        self.part = Part()
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise invalid_form(f"it has more than {MOST_PARTS} parts")

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.header_value += data[start:end]

    def on_header_end(self) -> None:
        self.part.headers[self.header_name.lower()] = self.header_value
        self.header_name, self.header_value = b"", b""

    def on_headers_finished(self) -> None:
        said = self.part.headers.get(b"content-disposition", b"").decode("latin-1")
        _, options = parse_options_header(said)
        if b"name" not in options:
            raise invalid_form("one of its parts has no name")
        self.part.name = options[b"name"].decode(errors="replace")
        sink = self.sinks.get(self.part.name)
        if sink is None:
            if b"filename" in options:
                raise wrong_part(
                    self.part.name, f"is a file; the one file belongs into the field `{self.first_field}`", "file"
                )
            self.fields[self.part.name].append(bytearray())
            return
        if b"filename" not in options:
            raise wrong_part(self.part.name, "is no file: it has no filename", "file")
        if sink in self.files:
            raise wrong_part(self.part.name, "is given twice; one file is taken at a time", "file")
        self.files.append(sink)
        self.waiting.append((sink, bytearray()))
        self.part.filename = options[b"filename"].decode(errors="replace")
        self.filename = self.filename or self.part.filename

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self.part.filename is not None:
            self.waiting[-1][1].extend(data[start:end])
            return
        self.field_bytes += end - start
        if self.field_bytes > LONGEST_FIELDS:
            raise wrong_part(self.part.name, f"all fields may have {LONGEST_FIELDS} bytes together", "too_long")
        self.fields[self.part.name][-1] += data[start:end]

    def on_end(self) -> None:
        self.has_ended = True


def text(name: str, value: bytearray) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise wrong_part(name, "must be UTF-8", "string_unicode") from None


def wrong_part(name: str, message: str, code: str) -> Exception:
    return invalid_fields([FieldError(field=name[:100] or "body", message=message, code=code)])
