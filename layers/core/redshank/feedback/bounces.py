"""What does a bounce say of the address? SES reports why; only some reasons mean that writing on is useless.

Source: "Contents of event data that Amazon SES publishes to Amazon SNS", bounce types. SES publishes hard
bounces, and soft ones only after it has given up trying.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Verdict(StrEnum):
    """From the worst on."""

    #: The address cannot be reached: never write to it again.
    HARD = "hard"
    #: SES did not even try: the address is on a suppression list of the account or of SES. As final.
    SUPPRESSED = "suppressed"
    #: It could not be reached this time.
    SOFT = "soft"
    #: This email was refused; another may arrive.
    REFUSED = "refused"

    @property
    def final(self) -> bool:
        """Whether nothing may be sent to the address any more."""
        return self in (Verdict.HARD, Verdict.SUPPRESSED)


#: The subtypes for which SES did not try to deliver.
_NOT_TRIED = frozenset(
    {"Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList", "EmailValidationSuppressed"}
)
#: The subtypes that are about the email.
_ABOUT_THE_EMAIL = frozenset({"MessageTooLarge", "ContentRejected", "AttachmentRejected"})
#: Given up after hours or days of trying (RFC 3463: X.4.7, delivery time expired): nobody is there.
_EXPIRED = re.compile(r"\b4\.4\.7\b|message expired", re.IGNORECASE)


def verdict(kind: str, subtype: str, status: str = "", diagnosis: str = "") -> Verdict:
    """What ``bounceType`` and ``bounceSubType``, and a recipient's ``status`` and ``diagnosticCode``, say.

    A type that SES may add one day counts as soft: it suppresses nobody, and is seen.
    """
    if kind == "Permanent":
        return Verdict.SUPPRESSED if subtype in _NOT_TRIED else Verdict.HARD
    if subtype in _ABOUT_THE_EMAIL:
        return Verdict.REFUSED
    # CustomTimeoutExceeded: the sender's own time limit, perhaps minutes, says less than SES's days.
    if (
        kind == "Transient"
        and subtype != "CustomTimeoutExceeded"
        and _EXPIRED.search(f"{status} {diagnosis}")
    ):
        return Verdict.HARD
    return Verdict.SOFT
