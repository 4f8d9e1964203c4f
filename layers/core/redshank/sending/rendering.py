"""What does it say? Jinja, sandboxed always, escaped in HTML; a missing value is empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import ChainableUndefined, DictLoader, StrictUndefined, Template, TemplateError, Undefined
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from redshank.engine.book import Book
from redshank.engine.effects import Mail
from redshank.engine.state import Profile
from redshank.errors import RenderingFailed
from redshank.ports import MESSAGE_TAG, OutgoingEmail


class _Sandbox(ImmutableSandboxedEnvironment):
    """A template that reaches for Python's insides fails; it is not merely empty there."""

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        return StrictUndefined(f"{attribute!r} is not for templates", obj, attribute, exc=SecurityError)


class Renderer:
    """The templates of one book, each compiled when first used (11 ms) and kept."""

    def __init__(self, book: Book) -> None:
        self.book = book

    @cached_property
    def _html(self) -> _Sandbox:
        return self._environment(autoescape=True)

    @cached_property
    def _text(self) -> _Sandbox:
        return self._environment(autoescape=False)

    def _environment(self, *, autoescape: bool) -> _Sandbox:
        return _Sandbox(
            loader=DictLoader(self.book.sources),
            autoescape=autoescape,
            undefined=ChainableUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            cache_size=-1,
        )

    @lru_cache(maxsize=1_000)  # noqa: B019 - lives and dies with its book
    def _line(self, source: str) -> Template:
        """A subject or preheader: a template of one line."""
        return self._text.from_string(source)

    def render(self, mail: Mail, profile: Profile, *, unsubscribe: str, preferences: str) -> OutgoingEmail:
        """The email for this contact, without the attempt's tag; raises RenderingFailed."""
        template = self.book.templates[mail.template]
        sender = self.book.senders.get(mail.sender or "default") or self.book.senders["default"]
        context: dict[str, Any] = {
            "contact": profile.traits,
            "account": profile.account,
            "event": mail.event,
            "measures": mail.measures,
            "journey": {"workflow": mail.workflow, "step": mail.step},
            "unsubscribe_url": unsubscribe,
            "preferences_url": preferences,
            "browser_url": "",
            "postal_address": self.book.postal_address,
            "sender": {"name": sender.name, "email": sender.email},
        }
        try:
            context["subject"] = _one_line(self._line(mail.subject or template.subject).render(context))
            context["preheader"] = _one_line(self._line(template.preheader).render(context))
            html = self._html.get_template(template.html).render(context)
            text = _tidy(self._text.get_template(template.text).render(context))
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise RenderingFailed(f"{template.name}: {type(error).__name__}: {error}") from error
        return OutgoingEmail(
            sender=mailbox(sender.name, sender.email),
            to=profile.email,
            reply_to=sender.reply_to,
            subject=context["subject"],
            html=html,
            text=text,
            headers=_headers(mail, unsubscribe),
            tags={MESSAGE_TAG: mail.message_id, "workflow": _tag(mail.workflow), "step": _tag(mail.step)},
        )


def mailbox(name: str, address: str) -> str:
    """``"Acme, Inc." <hello@acme.example>`` (RFC 5322; a name that is not ASCII as RFC 2047 says)."""
    from email.utils import formataddr

    return formataddr((name, address))


def _one_line(text: str) -> str:
    """Header values have no line breaks: neither accident nor injection gets a second header."""
    return " ".join(text.split())


def _tidy(text: str) -> str:
    """A text part without the empty lines that statements leave behind."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip() + "\n"


def _headers(mail: Mail, unsubscribe: str) -> Mapping[str, str]:
    """One-click unsubscribe as RFC 8058 asks, which Gmail and Yahoo require of bulk senders."""
    if mail.transactional:
        return {}
    return {
        "List-Unsubscribe": f"<{unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _tag(value: str) -> str:
    """A tag value as SES allows it: letters, digits, - and _ (at most 256)."""
    return "".join(it if it.isascii() and (it.isalnum() or it in "-_") else "_" for it in value)[:256] or "_"
