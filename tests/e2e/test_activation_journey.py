"""The main job on the real wiring: an event goes in, the right email comes out, the feedback comes back.

Everybody below signs up at the same moment, so that ten days of a journey have to be waited for once.
"""

from __future__ import annotations

import re
import time
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from segment.analytics.client import Client

from tests.e2e.client import Email, Stand, ask, until

pytestmark = [pytest.mark.stand, pytest.mark.timeout(300)]

WELCOME, HELP, PROOF, HUMAN = "welcome", "activation_help", "activation_proof", "activation_human"
#: Wall seconds of a day at the tests' clock.
DAY = 10.0
#: How late an email may be on a busy machine, in wall seconds.
LATE = 8.0


@pytest.fixture(scope="module")
def cast(stand: Stand, applying: object) -> dict[str, Email]:
    """Everybody signs up, gets the welcome, and does what they are here for. Their welcomes by name.

    A book in which this workflow is the same has just followed the first, and visits whom it has something for.
    """
    stand.fault("throttle", "throttled", times=2)
    stand.fault("accept_then_drop", "unknown")
    names = ["idle", "active", "bounced", "soft", "complained", "unsubscribed", "prefetched"]
    for name in (*names, "throttled", "unknown"):
        stand.sign_up(name)
    welcomes = {name: stand.wait_for(name, WELCOME) for name in names}
    stand.track("active", "product_activated")
    stand.press(welcomes["bounced"], "hard_bounce")
    stand.press(welcomes["soft"], "soft_bounce")
    stand.press(welcomes["complained"], "complaint")
    stand.press(welcomes["idle"], "open")
    stand.press(welcomes["idle"], "click")
    _one_click(welcomes["unsubscribed"])
    # What link scanners and mail clients do by themselves.
    assert ask("GET", _unsubscribe_link(welcomes["prefetched"])).status == 200
    return welcomes


@pytest.fixture(scope="module")
def after_ten_days(stand: Stand, cast: dict[str, Email]) -> None:
    for name in ("idle", "soft", "prefetched"):
        stand.wait_for(name, HUMAN, seconds=10 * DAY + 30)
    # Whoever gets what they should not gets it about now.
    time.sleep(3)


def _unsubscribe_link(email: Email) -> str:
    link = re.fullmatch(r"<(http[^>]+)>", email["headers"]["List-Unsubscribe"])
    assert link is not None
    return link[1]


def _one_click(email: Email) -> None:
    """What the mail client's own button does: RFC 8058."""
    answer = ask(
        "POST",
        _unsubscribe_link(email),
        body=b"List-Unsubscribe=One-Click",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("gzip", [False, True])
def test_an_unmodified_segment_sdk_is_understood(stand: Stand, gzip: bool) -> None:
    failures: list[object] = []
    user = f"sdk-{'gzip' if gzip else 'plain'}"
    client = Client(
        stand.keys.write,
        host=stand.place.api,
        gzip=gzip,
        on_error=lambda error, items: failures.append(error),
        max_retries=1,
    )
    client.identify(user, {"email": f"{user}@example.com", "first_name": "Zoë"})
    client.track(user, "signed_up", {"plan": "trial"})
    client.flush()
    client.join()
    assert failures == []
    assert stand.wait_for(user, WELCOME)["subject"] == "Welcome to Fieldnote, Zoë"


def test_the_welcome_comes_at_once_and_looks_like_something_a_company_would_send(
    cast: dict[str, Email],
) -> None:
    email = cast["idle"]
    assert email["subject"] == "Welcome to Fieldnote"
    assert email["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Keizersgracht 102" in email["html"]
    assert "Keizersgracht 102" in email["text"]
    assert "/p/" in email["html"], "a link to the preferences"
    assert email["configuration_set"] == "redshank"


def test_single_calls_work_like_batches(stand: Stand) -> None:
    identify = {"userId": "single", "traits": {"email": "single@example.com"}}
    assert stand.post("/v1/identify", identify).status == 200
    stand.track("single", "signed_up")
    stand.wait_for("single", WELCOME)


@pytest.mark.usefixtures("after_ten_days")
def test_who_does_not_activate_gets_all_four_emails_when_they_are_due(stand: Stand) -> None:
    assert stand.steps("idle") == [WELCOME, HELP, PROOF, HUMAN]
    at = [_wall(email) for email in stand.emails("idle")]
    for number, days in enumerate((2, 3, 5)):
        waited = at[number + 1] - at[number]
        # SES's answer, then SES's report, then the wait: never early by more than the report took.
        assert days * DAY - 2 <= waited <= days * DAY + LATE, f"{days} days took {waited:.1f} s"


@pytest.mark.usefixtures("after_ten_days")
def test_activation_ends_the_sequence(stand: Stand) -> None:
    assert stand.steps("active") == [WELCOME]


@pytest.mark.usefixtures("after_ten_days")
def test_a_hard_bounce_suppresses_the_address_and_ends_the_journey(stand: Stand) -> None:
    assert stand.suppressed("bounced") is not None
    assert stand.steps("bounced") == [WELCOME]


@pytest.mark.usefixtures("after_ten_days")
def test_a_complaint_suppresses_the_address_and_ends_the_journey(stand: Stand) -> None:
    assert stand.suppressed("complained") is not None
    assert stand.steps("complained") == [WELCOME]


@pytest.mark.usefixtures("after_ten_days")
def test_a_soft_bounce_does_not(stand: Stand) -> None:
    assert stand.suppressed("soft") is None
    assert stand.steps("soft") == [WELCOME, HELP, PROOF, HUMAN]


@pytest.mark.usefixtures("after_ten_days")
def test_one_click_unsubscribes(stand: Stand) -> None:
    assert stand.steps("unsubscribed") == [WELCOME]


@pytest.mark.usefixtures("after_ten_days")
def test_getting_the_unsubscribe_link_changes_nothing(stand: Stand) -> None:
    assert stand.steps("prefetched") == [WELCOME, HELP, PROOF, HUMAN]


@pytest.mark.usefixtures("after_ten_days")
def test_a_throttled_email_is_sent_later_and_once(stand: Stand) -> None:
    assert stand.steps("throttled").count(WELCOME) == 1


@pytest.mark.usefixtures("after_ten_days")
def test_an_email_whose_outcome_was_unknown_is_not_sent_again_and_the_journey_goes_on(
    stand: Stand,
) -> None:
    assert stand.steps("unknown")[:2] == [WELCOME, HELP]
    assert len(set(stand.steps("unknown"))) == len(stand.steps("unknown"))


@pytest.mark.usefixtures("after_ten_days")
def test_nothing_ends_among_the_dead_letters(stand: Stand) -> None:
    assert stand.dead_letters() == {}


def test_the_preference_page_opens_from_the_email(cast: dict[str, Email]) -> None:
    link = re.search(r'href="(http[^"]+/p/[^"]+)"', cast["idle"]["html"])
    assert link is not None
    page = ask("GET", link[1])
    assert page.status == 200
    assert b"Getting started" in page.body


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/track", {"userId": "x"}, "event"),
        ("/v1/track", {"event": "x"}, "userId"),
        ("/v1/identify", {"userId": "x", "traits": "none"}, "traits"),
        ("/v1/batch", {"batch": {}}, "batch"),
        ("/v1/track", b"{no json", "body"),
    ],
)
def test_bad_input_gets_a_400_that_names_the_field(stand: Stand, path: str, body: object, field: str) -> None:
    answer = stand.post(path, body)
    assert answer.status == 400
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_bad_event_in_a_batch_does_not_take_the_good_ones_with_it_in_silence(stand: Stand) -> None:
    good = {"type": "track", "userId": "mixed", "event": "signed_up"}
    who = {"type": "identify", "userId": "mixed", "traits": {"email": "mixed@example.com"}}
    answer = stand.post("/v1/batch", {"batch": [who, {"type": "track", "userId": "mixed"}, good]})
    assert answer.status == 200
    assert [error["field"] for error in answer.json["errors"]] == ["batch[1].event"]
    stand.wait_for("mixed", WELCOME)


def test_a_wrong_key_gets_a_401(stand: Stand) -> None:
    assert stand.post("/v1/track", {"userId": "x", "event": "y"}, key="wrong").status == 401


def test_browsers_may_post(stand: Stand) -> None:
    preflight = ask(
        "OPTIONS",
        f"{stand.place.api}/v1/track",
        headers={"origin": "https://shop.example", "access-control-request-method": "POST"},
    )
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"


def test_a_token_that_was_tampered_with_is_refused(stand: Stand, cast: dict[str, Email]) -> None:
    link = urlsplit(_unsubscribe_link(cast["idle"]))
    assert ask("POST", f"{stand.place.api}{link.path[:-4]}aaaa").status in (400, 403, 404)


def test_an_event_posted_twice_counts_once(stand: Stand) -> None:
    stand.sign_up("twice")
    stand.wait_for("twice", WELCOME)
    event = {"userId": "twice", "event": "signed_up", "messageId": "the-same"}
    for _ in range(3):
        assert stand.post("/v1/track", event).status == 200
    until(lambda: stand.steps("twice"), seconds=5, what="the mailbox")
    time.sleep(3)
    assert stand.steps("twice").count(WELCOME) == 1


def _wall(email: Email) -> float:
    return datetime.fromisoformat(email["sent_at"]).timestamp()
