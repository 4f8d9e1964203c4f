"""The SES v2 HTTP API, as far as sending, the account and its suppression list go; the rest is ministack's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from infra.local.ses.emails import Email, Refused, read
from infra.local.ses.faults import Faults, Kind
from infra.local.ses.mailbox import Mailbox, wall
from infra.local.web import App, Request, Response, json_response

_PREFIX = "/v2/email"
#: What a client that waits for an answer gets none of.
_HANG = 60.0


#: Whether there is a configuration set of that name.
type Knows = Callable[[str], bool]


class Api:
    def __init__(self, mailbox: Mailbox, faults: Faults, *, elsewhere: App, knows: Knows) -> None:
        self._mailbox = mailbox
        self._faults = faults
        #: What answers the calls that are not ours.
        self._elsewhere = elsewhere
        self._knows = knows

    def __call__(self, request: Request) -> Response:
        try:
            return self._route(request)
        except Refused as refused:
            return _error(refused.kind, refused.message, refused.status)

    def _route(self, request: Request) -> Response:
        match request.method, request.path.removeprefix(_PREFIX):
            case "POST", "/outbound-emails":
                return self._send(_json(request))
            case "POST", "/outbound-bulk-emails":
                return self._send_bulk(_json(request))
            case "GET", "/account":
                return self._account()
            case "PUT", "/suppression/addresses":
                given = _json(request)
                self._mailbox.suppressed[given["EmailAddress"].lower()] = (given["Reason"], wall())
                return json_response({})
            case "GET", "/suppression/addresses":
                return json_response({"SuppressedDestinationSummaries": self._suppressed()})
            case method, path if path.startswith("/suppression/addresses/"):
                return self._one_suppressed(method, unquote(path.removeprefix("/suppression/addresses/")))
            case _:
                return self._elsewhere(request)

    def _send(self, given: dict[str, Any]) -> Response:
        email = read(given, now=wall())
        self._check_configuration_set(email)
        fault = self._faults.take(email.recipients)
        match fault:
            case Kind.THROTTLE:
                return _error("TooManyRequestsException", "Maximum sending rate exceeded.", 429)
            case Kind.REJECT:
                return _error("MessageRejected", "Email was rejected: it was told to be.", 400)
            case Kind.ERROR:
                return _error("InternalServiceErrorException", "Told to fail before accepting.", 500)
            case Kind.DROP:
                return Response(drop=True)
        self._mailbox.accept(email)
        match fault:
            case Kind.ACCEPT_THEN_ERROR:
                return _error("InternalServiceErrorException", "Told to fail after accepting.", 500)
            case Kind.ACCEPT_THEN_DROP:
                return Response(drop=True)
            case Kind.ACCEPT_THEN_HANG:
                return Response(drop=True, delay=_HANG)
            case _:
                return json_response({"MessageId": email.id})

    def _send_bulk(self, given: dict[str, Any]) -> Response:
        default = (given.get("DefaultContent") or {}).get("Template") or {}
        results = []
        for entry in given.get("BulkEmailEntries") or ():
            replacement = (entry.get("ReplacementEmailContent") or {}).get("ReplacementTemplate") or {}
            single = {
                "FromEmailAddress": given.get("FromEmailAddress"),
                "ReplyToAddresses": given.get("ReplyToAddresses"),
                "Destination": entry.get("Destination"),
                "ConfigurationSetName": given.get("ConfigurationSetName"),
                "EmailTags": [*(given.get("DefaultEmailTags") or ()), *(entry.get("ReplacementTags") or ())],
                "Content": {
                    "Template": {
                        **default,
                        "TemplateData": replacement.get("ReplacementTemplateData")
                        or default.get("TemplateData"),
                        "Headers": entry.get("ReplacementHeaders") or default.get("Headers"),
                    }
                },
            }
            try:
                email = read(single, now=wall())
                self._check_configuration_set(email)
            except Refused as refused:
                status = "TEMPLATE_NOT_FOUND" if refused.status == 404 else "INVALID_PARAMETER"
                results.append({"Status": status, "Error": refused.message})
                continue
            self._mailbox.accept(email)
            results.append({"Status": "SUCCESS", "MessageId": email.id})
        return json_response({"BulkEmailEntryResults": results})

    def _check_configuration_set(self, email: Email) -> None:
        name = email.configuration_set
        if name and not self._knows(name):
            raise Refused("NotFoundException", f"Configuration set <{name}> does not exist.", 404)

    def _account(self) -> Response:
        since = wall() - 24 * 3600 * 1000
        return json_response(
            {
                "DedicatedIpAutoWarmupEnabled": False,
                "EnforcementStatus": "HEALTHY",
                "ProductionAccessEnabled": True,
                "SendingEnabled": True,
                "SendQuota": {
                    "Max24HourSend": 50000.0,
                    "MaxSendRate": 14.0,
                    "SentLast24Hours": float(
                        sum(entry.email.sent_at > since for entry in self._mailbox.entries())
                    ),
                },
                "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
            }
        )

    def _suppressed(self) -> list[dict[str, Any]]:
        return [
            {"EmailAddress": address, "Reason": reason, "LastUpdateTime": at / 1000}
            for address, (reason, at) in self._mailbox.suppressed.items()
        ]

    def _one_suppressed(self, method: str, address: str) -> Response:
        found = self._mailbox.suppressed.get(address.lower())
        if found is None:
            raise Refused(
                "NotFoundException", f"Email address {address} does not exist on your suppression list.", 404
            )
        if method == "DELETE":
            del self._mailbox.suppressed[address.lower()]
            return json_response({})
        reason, at = found
        return json_response(
            {
                "SuppressedDestination": {
                    "EmailAddress": address,
                    "Reason": reason,
                    "LastUpdateTime": at / 1000,
                    "Attributes": {},
                }
            }
        )


def _json(request: Request) -> dict[str, Any]:
    try:
        value = json.loads(request.body or b"{}")
    except ValueError:
        raise Refused("SerializationException", "The request is not JSON.") from None
    if not isinstance(value, dict):
        raise Refused("SerializationException", "The request is not a JSON object.")
    return value


def _error(kind: str, message: str, status: int) -> Response:
    return json_response({"message": message}, status=status, headers={"x-amzn-errortype": kind})
