"""Which bytes did the caller send? Undoes what the API Gateway (base64) and the caller (gzip) did to them."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Mapping
from typing import Any

from redshank.errors import BadInput, TooLarge

#: zlib's window size for a gzip header and trailer around the data (RFC 1952).
_GZIP = 16 + zlib.MAX_WBITS


def body_of(request: Mapping[str, Any], *, limit: int) -> bytes:
    """The body of an API Gateway request (payload format 2.0), decompressed: at most ``limit`` bytes.

    Raises BadInput, or TooLarge before more than ``limit`` bytes have been decompressed.
    """
    text = request.get("body") or ""
    try:
        body = (
            binascii.a2b_base64(text, strict_mode=True) if request.get("isBase64Encoded") else text.encode()
        )
    except ValueError:
        raise BadInput("is neither text nor base64", field="body") from None
    if len(body) > limit:
        raise _too_large(limit)
    encoding = (request.get("headers") or {}).get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        body = _gunzip(body, limit)
    elif encoding not in ("identity", ""):
        raise BadInput("is neither gzip nor identity", field="Content-Encoding")
    if not body:
        raise BadInput("is empty", field="body")
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    """Decompress all members of a gzip file, but never more than ``limit`` bytes."""
    whole = b""
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            whole += member.decompress(body, limit + 1 - len(whole))
        except zlib.error:
            raise BadInput("is not gzip, as its Content-Encoding says", field="body") from None
        if len(whole) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise BadInput("ends in the middle of its gzip data", field="body")
        body = member.unused_data
    return whole


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"is larger than {limit // 1024} KB", field="body")
