"""Which bytes did the caller send?"""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import Any

import pytest

from redshank.errors import BadInput, TooLarge
from redshank.ingest.bodies import body_of

LIMIT = 1_000


def request(body: bytes | str | None, encoding: str | None = None) -> dict[str, Any]:
    headers = {} if encoding is None else {"content-encoding": encoding}
    if isinstance(body, bytes):
        return {"headers": headers, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return {"headers": headers, "body": body, "isBase64Encoded": False}


def test_text_and_base64_are_the_same_bytes() -> None:
    assert body_of(request("é"), limit=LIMIT) == body_of(request("é".encode()), limit=LIMIT) == b"\xc3\xa9"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
def test_gzip_is_undone(encoding: str) -> None:
    assert body_of(request(gzip.compress(b"{}"), encoding), limit=LIMIT) == b"{}"


def test_all_members_of_a_gzip_file_are_read() -> None:
    both = gzip.compress(b"a" * 400) + gzip.compress(b"b" * 400)
    assert body_of(request(both, "gzip"), limit=LIMIT) == b"a" * 400 + b"b" * 400


def test_a_decompression_bomb_is_refused_after_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(TooLarge):
        body_of(request(bomb, "gzip"), limit=100_000)
    with pytest.raises(TooLarge):
        body_of(request(gzip.compress(b"a" * 600) * 2, "gzip"), limit=LIMIT)


def test_the_limit_itself_is_allowed() -> None:
    assert len(body_of(request("a" * LIMIT), limit=LIMIT)) == LIMIT
    assert len(body_of(request(gzip.compress(b"a" * LIMIT), "gzip"), limit=LIMIT)) == LIMIT
    with pytest.raises(TooLarge):
        body_of(request("a" * (LIMIT + 1)), limit=LIMIT)
    with pytest.raises(TooLarge):
        body_of(request(gzip.compress(b"a" * (LIMIT + 1)), "gzip"), limit=LIMIT)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (None, None),
        ("", None),
        (b"", "gzip"),
        (b"{}", "gzip"),
        (gzip.compress(b"{}")[:-5], "gzip"),
        (gzip.compress(b"{}") + b"rest", "gzip"),
        (gzip.compress(b""), "gzip"),
        (zlib.compress(b"{}"), "deflate"),
        (b"{}", "br"),
        ("\ud800", None),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes | str | None, encoding: str | None) -> None:
    with pytest.raises(BadInput):
        body_of(request(body, encoding), limit=LIMIT)


@pytest.mark.parametrize("body", ["e30", "é", "e3 0="])
def test_what_is_not_base64_is_refused(body: str) -> None:
    with pytest.raises(BadInput, match="body"):
        body_of({"headers": {}, "body": body, "isBase64Encoded": True}, limit=LIMIT)
