"""What can go wrong that a caller may want to handle?

Every class's docstring is the default message; an instance may say more.
"""


class RedshankError(Exception):
    """Something went wrong in Redshank."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class Conflict(RedshankError):
    """Somebody else wrote this item first."""


class BookMissing(RedshankError):
    """No book is live yet: run `redshank apply`."""


class BookTooOld(RedshankError):
    """This standing was evaluated by a newer book than the one at hand."""


class BadInput(RedshankError):
    """The input is not valid.

    ``field`` names what is wrong (a JSON path such as ``batch[3].userId``); ``reason`` says why.
    """

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class TooLarge(BadInput):
    """The input is larger than the limit of the Segment HTTP API."""


class NotAuthorized(RedshankError):
    """The write key is missing, unknown or revoked."""


class RenderingFailed(RedshankError):
    """The template cannot be rendered for this contact; trying again would not help."""


class NotSent(RedshankError):
    """The provider certainly did not take the email; it may be tried again."""


class Throttled(NotSent):
    """The provider asked us to slow down; the email was certainly not taken."""


class Rejected(RedshankError):
    """The provider refused this email for good; trying again would not help."""


class OutcomeUnknown(RedshankError):
    """Nobody knows whether the provider took the email."""
