"""A hundred hostile requests, each with the exact answer it gets; none harms the next."""

import json
from typing import Any, NamedTuple

import pytest

from tests.hostile.conftest import Target

pytestmark = pytest.mark.broad

JOBS = b"/api/v1/generation-jobs"
JSON = b"Content-Type: application/json"
CHUNKED = b"Transfer-Encoding: chunked"
BODY = {"prompt": "a cat", "checkpoint_model": "sd15"}
MINUTES_OF_DIGITS = b"9" * 5000


class Hostile(NamedTuple):
    """A request as bytes, and the answer it gets. `{key}`, `{mine}` and `{other}` in it are filled in."""

    why: str
    raw: bytes
    status: int
    code: str | None


def request(method: bytes, path: bytes, *headers: bytes, body: bytes = b"", key: bytes | None = b"{key}") -> bytes:
    lines = [b"%s %s HTTP/1.1" % (method, path), b"Host: 127.0.0.1", b"Connection: close", *headers]
    if key is not None:
        lines.append(b"Authorization: Bearer " + key)
    if body or method in {b"POST", b"PUT", b"PATCH"}:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path: bytes, *headers: bytes, key: bytes | None = b"{key}") -> bytes:
    return request(b"GET", path, *headers, key=key)


def post(body: bytes, *headers: bytes, content_type: bytes = JSON, key: bytes | None = b"{key}") -> bytes:
    return request(b"POST", JOBS + b"/", *filter(None, [content_type, *headers]), body=body, key=key)


def job(**changes: Any) -> bytes:
    return post(json.dumps({**BODY, **changes}).encode())


def with_text(text: bytes) -> bytes:
    """A job whose prompt is these very bytes of JSON."""
    return post(b'{"checkpoint_model": "sd15", "prompt": ' + text + b"}")


def with_seed(text: bytes) -> bytes:
    return post(b'{"checkpoint_model": "sd15", "prompt": "a", "sampler_params": {"seed": ' + text + b"}}")


BAD_JSON = (400, "invalid_json")
WRONG = (422, "invalid_fields")
UNKNOWN = (404, "not_found")
NO_JOB = (404, "job_not_found")
NO_KEY = (401, "unauthenticated")

BODIES = (
    Hostile("no body", post(b""), *BAD_JSON),
    Hostile("white space", post(b" \r\n\t "), *BAD_JSON),
    Hostile("not JSON", post(b"prompt=a&checkpoint_model=b"), *BAD_JSON),
    Hostile("half a document", post(b'{"prompt": "a'), *BAD_JSON),
    Hostile("two documents", post(b"{} {}"), *BAD_JSON),
    Hostile("a comma too many", post(b'{"prompt": "a",}'), *BAD_JSON),
    Hostile("single quotes", post(b"{'prompt': 'a'}"), *BAD_JSON),
    Hostile("a byte order mark", post(b"\xef\xbb\xbf" + json.dumps(BODY).encode()), *BAD_JSON),
    Hostile("UTF-16", post(json.dumps(BODY).encode("utf-16")), *BAD_JSON),
    Hostile("bytes that are no UTF-8", with_text(b'"\xff\xfe"'), *BAD_JSON),
    Hostile("an overlong encoding", with_text(b'"\xc0\xaf"'), *BAD_JSON),
    Hostile("a surrogate in UTF-8", with_text(b'"\xed\xa0\x80"'), *BAD_JSON),
    Hostile("half a surrogate pair", with_text(b'"\\ud800"'), *BAD_JSON),
    Hostile("surrogates in the wrong order", with_text(b'"\\udc00\\ud800"'), *BAD_JSON),
    Hostile("a NUL byte", with_text(b'"a\x00b"'), *BAD_JSON),
    Hostile("an escaped NUL", with_text(b'"a\\u0000b"'), *WRONG),
    Hostile("a NUL in a name", job(checkpoint_model="a\0b"), *WRONG),
    Hostile("an unknown escape", with_text(b'"\\x41"'), *BAD_JSON),
    Hostile("a control character", with_text(b'"a\nb"'), *BAD_JSON),
    Hostile("NaN", with_seed(b"NaN"), *WRONG),
    Hostile("Infinity", with_seed(b"Infinity"), *WRONG),
    Hostile("-Infinity", with_seed(b"-Infinity"), *WRONG),
    Hostile("a number beyond doubles", with_seed(b"1e999"), *WRONG),
    Hostile("a number of 5,000 digits", with_seed(MINUTES_OF_DIGITS), *BAD_JSON),
    Hostile("a seed beyond 64 bits", with_seed(b"18446744073709551616"), *WRONG),
    Hostile("a negative zero", with_seed(b"-0"), 201, None),
    Hostile("a hexadecimal number", with_seed(b"0x10"), *BAD_JSON),
    Hostile("a number with a zero before it", with_seed(b"007"), *BAD_JSON),
    Hostile("a null document", post(b"null"), *WRONG),
    Hostile("an array", post(b"[]"), *WRONG),
    Hostile("a text", post(b'"prompt"'), *WRONG),
    Hostile("a number", post(b"1"), *WRONG),
    Hostile("a hundred thousand brackets", post(b"[" * 100_000), 400, "body_too_deep"),
    Hostile("a hundred thousand objects", post(b'{"a":' * 100_000), 400, "body_too_deep"),
    Hostile("a body of 2 MiB", with_text(b'"' + b"a" * 2**21 + b'"'), 413, "body_too_large"),
    Hostile("a key given twice", post(b'{"prompt": "a", "prompt": "b", "checkpoint_model": "x"}'), *BAD_JSON),
    Hostile("nothing that is needed", post(b"{}"), *WRONG),
)
FIELDS = (
    Hostile("a number as prompt", job(prompt=1), *WRONG),
    Hostile("a list as prompt", job(prompt=["a"]), *WRONG),
    Hostile("null as prompt", job(prompt=None), *WRONG),
    Hostile("an empty prompt", job(prompt=""), *WRONG),
    Hostile("a prompt of 20,001 characters", job(prompt="a" * 20_001), *WRONG),
    Hostile("a name of 256 characters", job(checkpoint_model="a" * 256), *WRONG),
    Hostile("a width as text", job(width="512"), *WRONG),
    Hostile("true as width", job(width=True), *WRONG),
    Hostile("a fraction as width", job(width=512.5), *WRONG),
    Hostile("a width that is no multiple of 8", job(width=100), *WRONG),
    Hostile("a width of 2^63", job(width=2**63), *WRONG),
    Hostile("a negative width", job(width=-512), *WRONG),
    Hostile("no batch", job(batch_size=0), *WRONG),
    Hostile("a batch of a million", job(batch_size=1_000_000), *WRONG),
    Hostile("a million steps", job(sampler_params={"steps": 1_000_000}), *WRONG),
    Hostile("a LoRA's strength as text", job(lora_models=[{"name": "a", "strength_model": "1"}]), *WRONG),
    Hostile("a thousand LoRAs", job(lora_models=[{"name": "a"}] * 1000), *WRONG),
    Hostile("a LoRA that is a text", job(lora_models=["a"]), *WRONG),
    Hostile("LoRAs as an object", job(lora_models={"0": {"name": "a"}}), *WRONG),
    Hostile("an unknown field", job(colour="red"), *WRONG),
    Hostile("an attribute of ours", job(user_id="00000000-0000-0000-0000-000000000000"), *WRONG),
    Hostile("a status of one's own", job(status="completed"), *WRONG),
    Hostile("the prototype", job(__proto__={"admin": True}), *WRONG),
    Hostile("a dunder", job(__class__="JobBody"), *WRONG),
    Hostile("a field in other letters", job(Prompt="b"), *WRONG),
    Hostile("sampler settings twice", job(sampler_params={"cfg": 1.0}, params={"cfg": 2.0}), *WRONG),
)
MEDIA = (
    Hostile("no content type", post(json.dumps(BODY).encode(), content_type=b""), 415, "unsupported_media_type"),
    Hostile("plain text", post(b"{}", content_type=b"Content-Type: text/plain"), 415, "unsupported_media_type"),
    Hostile(
        "a form",
        post(b"--x--", content_type=b"Content-Type: multipart/form-data; boundary=x"),
        415,
        "unsupported_media_type",
    ),
    Hostile("two content types", post(b"{}", b"Content-Type: text/plain"), *WRONG),
    Hostile("another charset, in UTF-8", post(b"{}", content_type=JSON + b"; charset=utf-7"), *WRONG),
    Hostile(
        "a content type of odd bytes",
        post(b"{}", content_type=b"Content-Type: \xff\xff"),
        415,
        "unsupported_media_type",
    ),
    Hostile("a body that says it is packed", post(b"\x1f\x8b\x08\x00", b"Content-Encoding: gzip"), *BAD_JSON),
)
PATHS = (
    Hostile("a job that is not there", get(JOBS + b"/999999"), *NO_JOB),
    Hostile("another user's job", get(JOBS + b"/{other}"), *NO_JOB),
    Hostile("cancelling another user's job", request(b"POST", JOBS + b"/{other}/cancel"), *NO_JOB),
    Hostile("another user's output", get(JOBS + b"/{other}/outputs/0"), *NO_JOB),
    Hostile("job zero", get(JOBS + b"/0"), *NO_JOB),
    Hostile("a negative job", get(JOBS + b"/-1"), *NO_JOB),
    Hostile("a job beyond integers", get(JOBS + b"/2147483648"), *NO_JOB),
    Hostile("a job of 5,000 digits", get(JOBS + b"/" + MINUTES_OF_DIGITS), *NO_JOB),
    Hostile("a job in powers", get(JOBS + b"/1e0"), *NO_JOB),
    Hostile("a job with a fraction", get(JOBS + b"/1.0"), *NO_JOB),
    Hostile("a job in Arabic digits", get(JOBS + b"/%D9%A1"), *NO_JOB),
    Hostile("a job with a NUL", get(JOBS + b"/1%00"), *NO_JOB),
    Hostile("a job with a space", get(JOBS + b"/1%20"), *NO_JOB),
    Hostile("a job with a statement", get(JOBS + b"/1;DROP%20TABLE%20users"), *NO_JOB),
    Hostile("a job with a quote", get(JOBS + b"/1'--"), *NO_JOB),
    Hostile("bytes that are no UTF-8 in the path", get(JOBS + b"/%ff%fe"), *NO_JOB),
    Hostile("an output that is no number", get(JOBS + b"/{mine}/outputs/x"), 404, "output_not_found"),
    Hostile("an output outside", get(JOBS + b"/{mine}/outputs/..%2f..%2fetc%2fpasswd"), *UNKNOWN),
    Hostile("a way up", get(JOBS + b"/../../../etc/passwd"), *UNKNOWN),
    Hostile("a way up among the pages", get(b"/docs/static/../../../pyproject.toml"), 404, "not_found"),
    Hostile("an encoded way up among the pages", get(b"/docs/static/..%2f..%2f__init__.py"), 404, "not_found"),
    Hostile("a double slash", get(b"//api/v1/generation-jobs/1"), *UNKNOWN),
    Hostile("another case", get(b"/API/v1/generation-jobs/1"), *UNKNOWN),
    Hostile("an unknown parameter", get(JOBS + b"/{mine}?colour=red"), 422, "invalid_query"),
    Hostile("a key in the query", get(JOBS + b"/{mine}?key={key}", key=None), *NO_KEY),
)
METHODS = (
    Hostile("PUT on a job", request(b"PUT", JOBS + b"/{mine}"), 405, "method_not_allowed"),
    Hostile("TRACE", request(b"TRACE", JOBS + b"/{mine}"), 405, "method_not_allowed"),
    Hostile("a method nobody knows", request(b"BREW", JOBS + b"/{mine}"), 405, "method_not_allowed"),
    Hostile("OPTIONS", request(b"OPTIONS", JOBS + b"/"), 405, "method_not_allowed"),
    Hostile("GET of a path that only takes POST", get(JOBS + b"/bulk"), 405, "method_not_allowed"),
    Hostile("GET to cancel", get(JOBS + b"/{mine}/cancel"), 405, "method_not_allowed"),
)
KEYS = (
    Hostile("no key", get(JOBS + b"/{mine}", key=None), *NO_KEY),
    Hostile("an empty key", get(JOBS + b"/{mine}", key=b""), *NO_KEY),
    Hostile("a key with one digit more", get(JOBS + b"/{mine}", key=b"{key}0"), *NO_KEY),
    Hostile("a key nobody has", get(JOBS + b"/{mine}", key=b"gn_aaaaaaaaaaaa_" + b"0" * 64), *NO_KEY),
    Hostile("a key of 8 kB", get(JOBS + b"/{mine}", key=b"gn_a_" + b"0" * 8000), *NO_KEY),
    Hostile("a key in odd bytes", get(JOBS + b"/{mine}", key=b"gn_\xff\xff_0"), *NO_KEY),
    Hostile("another scheme", get(JOBS + b"/{mine}", b"Authorization: Basic Z246Z24=", key=None), *NO_KEY),
    Hostile("two keys", get(JOBS + b"/{mine}", b"Authorization: Bearer gn_x_y"), *NO_KEY),
)
PROTOCOL = (
    Hostile("a header that ends itself", get(JOBS + b"/{mine}", b"X-Request-Id: a\r\nSet-Cookie: b=c"), 200, None),
    Hostile("a request id with odd bytes", get(JOBS + b"/{mine}", b"X-Request-Id: \xff%0d%0a"), 200, None),
    Hostile("a header without a colon", get(JOBS + b"/{mine}", b"nonsense"), 400, None),
    Hostile("a header with a NUL", get(JOBS + b"/{mine}", b"X-A: a\0b"), 400, None),
    Hostile("a header over two lines", get(JOBS + b"/{mine}", b"X-A: a\r\n b"), 200, None),
    Hostile("two lengths", post(b"{}", b"Content-Length: 3"), 400, None),
    Hostile("a negative length", get(JOBS + b"/{mine}", b"Content-Length: -1"), 400, None),
    Hostile("a length and chunks", post(b"2\r\n{}\r\n0\r\n\r\n", CHUNKED), *WRONG),
    Hostile("chunks that are none", post(b"zz\r\n", CHUNKED), 400, None),
    Hostile("a range of nothing", get(JOBS + b"/{mine}/outputs/0", b"Range: bytes=0-0"), 404, "output_not_found"),
    Hostile("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, None),
    Hostile("HTTP of another age", b"GET /nothing HTTP/3.0\r\nHost: a\r\n\r\n", *UNKNOWN),
)
REQUESTS = (*BODIES, *FIELDS, *MEDIA, *PATHS, *METHODS, *KEYS, *PROTOCOL)


def test_each_gets_its_exact_answer(target: Target) -> None:
    assert len(REQUESTS) >= 100
    assert len({hostile.why for hostile in REQUESTS}) == len(REQUESTS)
    wrong = []
    for hostile in REQUESTS:
        raw = hostile.raw
        for name, value in (("key", target.api.key), ("mine", target.mine), ("other", target.other)):
            raw = raw.replace(b"{%s}" % name.encode(), str(value).encode())
        answer = target.send(raw)
        if answer != (hostile.status, hostile.code):
            wrong.append((hostile.why, answer, "expected", (hostile.status, hostile.code)))
    assert not wrong, "\n".join(map(str, wrong))
    assert target.send(get(b"/health/live", key=None)) == (200, None)
