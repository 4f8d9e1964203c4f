"""The mailbox as people and scripts see it: the page, and its JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.local.ses.emails import Refused
from infra.local.ses.faults import Faults
from infra.local.ses.mailbox import Entry, Mailbox
from infra.local.web import Request, Response, html_response, json_response, redirect
from redshank.clock import Clock

_SHOWN = 300
_VIEWS = ("html", "text", "headers")
#: A recipient's deeds, as the page's buttons say them.
_LABELS = {
    "open": "Open",
    "click": "Click",
    "soft_bounce": "Soft bounce",
    "hard_bounce": "Hard bounce",
    "complaint": "Report spam",
    "unsubscribe": "Unsubscribe",
}
#: Put before the HTML of an email: links open beside the mailbox, and the page behind stays light.
_FRAME_HEAD = (
    '<base target="_blank"><meta name="referrer" content="no-referrer"><style>html{background:#fff}</style>'
)


class Site:
    def __init__(self, mailbox: Mailbox, faults: Faults, *, clock: Clock, api: str) -> None:
        self._mailbox = mailbox
        self._faults = faults
        self._clock = clock
        self._api = api
        self._pages = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters["moment"] = self._moment
        self._pages.filters["address"] = lambda value: parseaddr(value)[1] or value
        self._pages.filters["name"] = lambda value: parseaddr(value)[0] or parseaddr(value)[1]

    def __call__(self, request: Request) -> Response:
        parts = [part for part in request.path.split("/") if part]
        try:
            match request.method, parts:
                case "GET", []:
                    return self._list(request)
                case "GET", ["mail", identifier]:
                    return self._mail(request, identifier)
                case "POST", ["mail", identifier, action]:
                    return self._press(request, identifier, action)
                case "GET", ["messages"]:
                    return json_response(self._messages(request.query()))
                case "DELETE", ["messages"]:
                    self._mailbox.clear()
                    return json_response({})
                case "GET", ["messages", identifier]:
                    return json_response(self._mailbox.as_json(self._mailbox.entry(identifier)))
                case "POST", ["messages", identifier, action]:
                    link = json.loads(request.body or b"{}").get("link", "")
                    return json_response({"message": self._mailbox.act(identifier, action, link)})
                case "POST", ["faults"]:
                    self._faults.add(json.loads(request.body))
                    return json_response({})
                case "DELETE", ["faults"]:
                    self._faults.clear()
                    return json_response({})
                case "PUT", ["reports"]:
                    self._mailbox.reports.update(json.loads(request.body))
                    return json_response(self._mailbox.reports)
                case "GET", ["count"]:
                    return json_response({"count": len(self._mailbox.entries())})
        except KeyError as missing:
            return json_response({"message": f"no such email: {missing.args[0]}"}, status=404)
        except (Refused, ValueError) as refused:
            return json_response({"message": str(refused)}, status=400)
        return json_response({"message": f"nothing at {request.method} {request.path}"}, status=404)

    def _messages(self, query: dict[str, str]) -> list[dict[str, object]]:
        """All emails, oldest first; ``?to=`` those to one address."""
        wanted = query.get("to", "").lower()
        return [
            self._mailbox.as_json(entry)
            for entry in self._mailbox.entries()
            if not wanted or wanted in (address.lower() for address in entry.email.recipients)
        ]

    def _newest(self, query: dict[str, str]) -> list[Entry]:
        wanted = query.get("q", "").lower()
        found = [
            entry
            for entry in reversed(self._mailbox.entries())
            if not wanted
            or wanted in entry.email.subject.lower()
            or any(wanted in address.lower() for address in entry.email.recipients)
        ]
        return found[:_SHOWN]

    def _list(self, request: Request) -> Response:
        query = request.query()
        return self._page("list.html", entries=self._newest(query), query=query.get("q", ""))

    def _mail(self, request: Request, identifier: str) -> Response:
        query = request.query()
        entry = self._mailbox.entry(identifier)
        email = entry.email
        available = [view for view in _VIEWS if view == "headers" or getattr(email, view)]
        view = query.get("view", available[0])
        return self._page(
            "mail.html",
            entries=self._newest(query),
            query=query.get("q", ""),
            entry=entry,
            email=email,
            view=view if view in available else available[0],
            views=available,
            frame=_FRAME_HEAD + email.html,
            labels=_LABELS,
            can_unsubscribe=bool(email.header("List-Unsubscribe-Post")),
            said=query.get("said", ""),
        )

    def _press(self, request: Request, identifier: str, action: str) -> Response:
        form = request.form()
        try:
            said = self._mailbox.act(identifier, action, form.get("link", ""))
        except (Refused, OSError) as refused:
            said = str(refused)
        back = {name: form[name] for name in ("view", "q") if form.get(name)}
        return redirect(f"/mail/{identifier}?{urlencode({**back, 'said': said})}")

    def _page(self, name: str, **values: object) -> Response:
        total = len(self._mailbox.entries())
        clock = self._clock
        now = datetime.fromtimestamp(clock.now() / 1000, UTC)
        page = self._pages.get_template(name).render(
            total=total, now=now, speed=clock.speed, api=self._api, **values
        )
        return html_response(page)

    def _moment(self, wall_instant: int) -> str:
        """Redshank's time of a wall instant: with a fast clock, the one that means something."""
        moment = datetime.fromtimestamp(self._clock.at(wall_instant) / 1000, UTC)
        return moment.strftime("%a %d %b %H:%M")
