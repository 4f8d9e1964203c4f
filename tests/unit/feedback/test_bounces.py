"""What does a bounce say of the address?"""

from __future__ import annotations

import pytest

from redshank.feedback.bounces import Verdict, verdict


@pytest.mark.parametrize("subtype", ["General", "NoEmail", "", "SomethingNew"])
def test_permanent_is_hard(subtype: str) -> None:
    assert verdict("Permanent", subtype) is Verdict.HARD


@pytest.mark.parametrize(
    "subtype",
    ["Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList", "EmailValidationSuppressed"],
)
def test_what_ses_did_not_try_is_told_apart_and_as_final(subtype: str) -> None:
    assert verdict("Permanent", subtype) is Verdict.SUPPRESSED
    assert Verdict.SUPPRESSED.final


@pytest.mark.parametrize("subtype", ["MessageTooLarge", "ContentRejected", "AttachmentRejected"])
def test_what_is_about_the_email_says_nothing_of_the_address(subtype: str) -> None:
    assert verdict("Transient", subtype, "4.4.7") is Verdict.REFUSED


@pytest.mark.parametrize(
    ("status", "diagnosis"),
    [("4.4.7", ""), ("", "smtp; 554 4.4.7 Message expired"), ("5.0.0", "Message Expired: unable to deliver")],
)
def test_given_up_after_days_is_hard(status: str, diagnosis: str) -> None:
    assert verdict("Transient", "General", status, diagnosis) is Verdict.HARD


def test_given_up_after_the_senders_own_limit_is_soft() -> None:
    assert verdict("Transient", "CustomTimeoutExceeded", "4.4.7") is Verdict.SOFT


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("Transient", "General"), ("Transient", "MailboxFull"), ("Undetermined", "Undetermined"), ("New", "")],
)
def test_everything_else_is_soft(kind: str, subtype: str) -> None:
    assert verdict(kind, subtype, "4.2.2", "smtp; 452 over quota 14.4.71") is Verdict.SOFT
