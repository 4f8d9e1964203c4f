"""The API under a root URL, as it has one on AWS: SDKs replace the path of the address they are given.

ministack serves an HTTP API below ``/_aws/execute-api/<id>/$default/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from urllib.parse import urlsplit

from infra.local.web import Request, Response, json_response

#: About one connection, not about the message (RFC 9110, section 7.6.1); and what is written anew.
_NOT_PASSED_ON = frozenset(
    {
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "date", "server"),
    }
)


class Gateway:
    def __init__(self, aws: str, find_api: Callable[[], str | None]) -> None:
        self._aws = aws
        #: The id of the deployed API, None until there is one.
        self._find_api = find_api
        self._api: str | None = None

    def __call__(self, request: Request) -> Response:
        if self._api is None:
            self._api = self._find_api()
        if self._api is None:
            return json_response({"message": "The stand is still being deployed."}, status=503)
        target = f"/_aws/execute-api/{self._api}/$default{request.target}"
        return forward(self._aws, request, target, _as_http_api(request.headers))


def _as_http_api(headers: Mapping[str, str]) -> Mapping[str, str]:
    """An HTTP API hands a compressed body over as base64; ministack goes by the content type alone, and would
    ruin compressed JSON by reading it as text."""
    if headers.get("content-encoding", "identity") == "identity":
        return headers
    return {**headers, "content-type": "application/octet-stream"}


def forward(
    base: str, request: Request, target: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Ask another server on this machine, and answer what it answers."""
    given = request.headers if headers is None else headers
    connection = HTTPConnection(urlsplit(base).netloc, timeout=60)
    try:
        connection.request(
            request.method,
            target or request.target,
            body=request.body or None,
            headers={name: value for name, value in given.items() if name not in _NOT_PASSED_ON},
        )
        answer = connection.getresponse()
        body = answer.read()
    except OSError as error:
        return json_response({"message": f"ministack does not answer: {error}"}, status=502)
    finally:
        connection.close()
    return Response(
        status=answer.status,
        headers={name: value for name, value in answer.getheaders() if name.lower() not in _NOT_PASSED_ON},
        body=body,
    )
