"""Is every email claimed by one, and does the ledger only move forward?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from moto.core.models import botocore_stubber

from redshank.errors import Conflict
from redshank.memory import MemoryLedger
from redshank.ports import FACTS, Ledger, LedgerRow, Status
from tests.contracts import adapters
from tests.contracts.values import T0, mail

M1 = mail()


def _row(ledger: Ledger, message_id: str = "m1") -> LedgerRow:
    return ledger.rows([message_id], consistent=True)[message_id]


def _expected(status: Status, **more: Any) -> LedgerRow:
    about = {
        "contact_id": "ann",
        "workflow": "activation",
        "run": "run-1",
        "step": "welcome",
        "topic": "tips",
    }
    return LedgerRow(**{"message_id": "m1", "status": status, **about, **more})


def _claim(ledger: Ledger) -> int:
    return ledger.claim(M1, now=T0)


# --- how a message comes to each of its states

type Way = Callable[[Ledger], object]


def _opened(ledger: Ledger) -> None:
    ledger.give_back("m1", attempt=_claim(ledger))


def _sent(ledger: Ledger) -> None:
    ledger.mark_sent("m1", attempt=_claim(ledger), provider_id="ses-1", now=T0)


def _failed(ledger: Ledger) -> None:
    ledger.fail(M1, reason="no_consent", now=T0)


def _cancelled(ledger: Ledger) -> None:
    ledger.cancel("m1", contact_id="ann", reason="goal", now=T0)


def _unwanted(ledger: Ledger) -> None:
    _claim(ledger)
    _cancelled(ledger)


SETTLED = [_sent, _failed, _cancelled]
TAKEN = [*SETTLED, _claim, _unwanted]


def _named(way: Way) -> str:
    return way.__name__.strip("_")


# --- claim


def test_an_absent_message_is_claimed_as_the_first_attempt(ledger: Ledger) -> None:
    assert ledger.claim(M1, now=T0) == 1
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=1, claimed_at=T0)


def test_an_open_message_is_claimed_as_the_next_attempt(ledger: Ledger) -> None:
    _opened(ledger)
    assert ledger.claim(M1, now=T0 + 5) == 2
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=2, claimed_at=T0 + 5)


@pytest.mark.parametrize("way", TAKEN, ids=_named)
def test_what_is_claimed_or_settled_cannot_be_claimed(ledger: Ledger, way: Way) -> None:
    way(ledger)
    before = _row(ledger)
    with pytest.raises(Conflict):
        ledger.claim(M1, now=T0 + 5)
    assert _row(ledger) == before


# --- claim again


def test_a_claim_that_was_certainly_not_sent_is_claimed_again(ledger: Ledger) -> None:
    _claim(ledger)
    assert ledger.claim_again("m1", attempt=1, now=T0 + 5) == 2
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=2, claimed_at=T0 + 5)


@pytest.mark.parametrize("attempt", [1, 3])
def test_of_two_who_claim_again_the_second_conflicts(ledger: Ledger, attempt: int) -> None:
    _claim(ledger)
    ledger.claim_again("m1", attempt=1, now=T0 + 5)
    with pytest.raises(Conflict):
        ledger.claim_again("m1", attempt=attempt, now=T0 + 6)
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=2, claimed_at=T0 + 5)


@pytest.mark.parametrize("way", [*SETTLED, _opened], ids=_named)
def test_what_is_not_claimed_cannot_be_claimed_again(ledger: Ledger, way: Way) -> None:
    way(ledger)
    before = _row(ledger)
    with pytest.raises(Conflict):
        ledger.claim_again("m1", attempt=1, now=T0 + 5)
    assert _row(ledger) == before


def test_what_was_never_claimed_cannot_be_claimed_again(ledger: Ledger) -> None:
    with pytest.raises(Conflict):
        ledger.claim_again("m1", attempt=1, now=T0)
    assert ledger.rows(["m1"], consistent=True) == {}


def test_claiming_again_what_was_cancelled_meanwhile_cancels_it(ledger: Ledger) -> None:
    _unwanted(ledger)
    with pytest.raises(Conflict):
        ledger.claim_again("m1", attempt=1, now=T0 + 5)
    assert (_row(ledger).status, _row(ledger).reason) == (Status.CANCELLED, "goal")


def test_an_older_attempt_does_not_cancel_what_was_cancelled_meanwhile(ledger: Ledger) -> None:
    _claim(ledger)
    ledger.claim_again("m1", attempt=1, now=T0 + 5)
    _cancelled(ledger)
    with pytest.raises(Conflict):
        ledger.claim_again("m1", attempt=1, now=T0 + 6)
    assert (_row(ledger).status, _row(ledger).unwanted) == (Status.CLAIMED, "goal")


# --- how a claim ends


def _ends(ledger: Ledger, how: str, attempt: int) -> None:
    match how:
        case "sent":
            ledger.mark_sent("m1", attempt=attempt, provider_id="ses-1", now=T0 + 9)
        case "given back":
            ledger.give_back("m1", attempt=attempt)
        case "failed":
            ledger.fail_attempt("m1", attempt=attempt, reason="rejected", now=T0 + 9)


ENDS = {"sent": Status.SENT, "given back": Status.OPEN, "failed": Status.FAILED}


@pytest.mark.parametrize("how", ENDS)
def test_the_newest_attempt_says_how_it_ended(ledger: Ledger, how: str) -> None:
    _claim(ledger)
    _ends(ledger, how, 1)
    reason = "rejected" if how == "failed" else ""
    assert _row(ledger) == _expected(ENDS[how], attempt=1, claimed_at=T0, reason=reason)


@pytest.mark.parametrize("how", ENDS)
def test_an_older_attempt_says_nothing_any_more(ledger: Ledger, how: str) -> None:
    _claim(ledger)
    ledger.claim_again("m1", attempt=1, now=T0 + 5)
    _ends(ledger, how, 1)
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=2, claimed_at=T0 + 5)


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("way", [*SETTLED, _opened], ids=_named)
def test_what_is_not_claimed_does_not_end_a_second_time(ledger: Ledger, how: str, way: Way) -> None:
    way(ledger)
    before = _row(ledger)
    _ends(ledger, how, before.attempt)
    assert _row(ledger) == before


@pytest.mark.parametrize("how", ENDS)
def test_an_attempt_at_nothing_makes_no_row(ledger: Ledger, how: str) -> None:
    _ends(ledger, how, 1)
    assert ledger.rows(["m1"], consistent=True) == {}


def test_giving_back_what_was_cancelled_meanwhile_cancels_it(ledger: Ledger) -> None:
    _unwanted(ledger)
    ledger.give_back("m1", attempt=1)
    expected = _expected(Status.CANCELLED, attempt=1, claimed_at=T0, reason="goal", unwanted="goal")
    assert _row(ledger) == expected
    with pytest.raises(Conflict):
        ledger.claim(M1, now=T0 + 5)


def test_what_was_sent_although_it_was_cancelled_meanwhile_is_sent(ledger: Ledger) -> None:
    _unwanted(ledger)
    ledger.mark_sent("m1", attempt=1, provider_id="ses-1", now=T0 + 9)
    assert (_row(ledger).status, _row(ledger).unwanted) == (Status.SENT, "goal")


def test_the_table_keeps_what_the_console_shows(account: None) -> None:
    ledger = adapters.DynamoLedger()
    _sent(ledger)
    item = adapters.tables.MessageItem.get("m1")
    assert (item.provider_id, item.settled_at, item.decided_at, item.template) == ("ses-1", T0, T0, "welcome")


# --- fail


def test_an_absent_message_fails(ledger: Ledger) -> None:
    _failed(ledger)
    assert _row(ledger) == _expected(Status.FAILED, reason="no_consent")


def test_an_open_message_fails_and_keeps_its_attempt(ledger: Ledger) -> None:
    _opened(ledger)
    _failed(ledger)
    assert _row(ledger) == _expected(Status.FAILED, attempt=1, claimed_at=T0, reason="no_consent")


@pytest.mark.parametrize("way", TAKEN, ids=_named)
def test_what_is_claimed_or_settled_does_not_fail(ledger: Ledger, way: Way) -> None:
    way(ledger)
    before = _row(ledger)
    ledger.fail(M1, reason="later", now=T0 + 9)
    assert _row(ledger) == before


# --- cancel


def test_an_absent_message_is_cancelled_before_anybody_can_claim_it(ledger: Ledger) -> None:
    assert ledger.cancel("m1", contact_id="ann", reason="goal", now=T0) is True
    expected = LedgerRow(message_id="m1", status=Status.CANCELLED, contact_id="ann", reason="goal")
    assert _row(ledger) == expected


def test_an_open_message_is_cancelled_and_stays_what_it_was_about(ledger: Ledger) -> None:
    _opened(ledger)
    assert ledger.cancel("m1", contact_id="ann", reason="goal", now=T0 + 9) is True
    assert _row(ledger) == _expected(Status.CANCELLED, attempt=1, claimed_at=T0, reason="goal")


def test_a_claimed_message_is_only_unwanted(ledger: Ledger) -> None:
    _claim(ledger)
    assert ledger.cancel("m1", contact_id="ann", reason="goal", now=T0 + 9) is False
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=1, claimed_at=T0, unwanted="goal")


@pytest.mark.parametrize("way", SETTLED, ids=_named)
def test_what_is_settled_is_not_cancelled(ledger: Ledger, way: Way) -> None:
    way(ledger)
    before = _row(ledger)
    assert ledger.cancel("m1", contact_id="ann", reason="later", now=T0 + 9) is False
    assert _row(ledger) == before


# --- feedback


@pytest.mark.parametrize("way", [_claim, _opened, _unwanted], ids=_named)
def test_feedback_turns_what_is_not_settled_into_sent(ledger: Ledger, way: Way) -> None:
    way(ledger)
    row = ledger.note("m1", {"delivered": T0 + 1})
    assert row == _row(ledger)
    assert (row.status, row.facts) == (Status.SENT, {"delivered": T0 + 1})
    with pytest.raises(Conflict):
        ledger.claim_again("m1", attempt=1, now=T0 + 9)


@pytest.mark.parametrize("way", SETTLED, ids=_named)
def test_feedback_leaves_what_is_settled_as_it_is(ledger: Ledger, way: Way) -> None:
    way(ledger)
    status = _row(ledger).status
    row = ledger.note("m1", {"bounced": T0 + 1, "delayed": T0})
    assert row == _row(ledger)
    assert (row.status, row.facts) == (status, {"bounced": T0 + 1, "delayed": T0})


def test_the_first_instant_of_a_fact_stays(ledger: Ledger) -> None:
    _sent(ledger)
    ledger.note("m1", {"opened": T0 + 2})
    row = ledger.note("m1", {"opened": T0 + 1, "clicked": T0 + 3})
    assert row is not None
    assert row.facts == {"opened": T0 + 2, "clicked": T0 + 3}


def test_every_fact_is_kept(ledger: Ledger) -> None:
    _claim(ledger)
    facts = {fact: T0 + number for number, fact in enumerate(FACTS)}
    ledger.note("m1", facts)
    assert _row(ledger).facts == facts


def test_feedback_on_an_email_of_somebody_else_makes_no_row(ledger: Ledger) -> None:
    assert ledger.note("m1", {"delivered": T0}) is None
    assert ledger.rows(["m1"], consistent=True) == {}


# --- many rows


def test_more_rows_than_one_request_holds_are_read_and_the_absent_left_out(ledger: Ledger) -> None:
    ids = [f"m{number}" for number in range(103)]
    for message_id in ids:
        ledger.cancel(message_id, contact_id="ann", reason="goal", now=T0)
    assert ledger.rows([*ids, "absent", "m0"], consistent=False).keys() == set(ids)
    assert ledger.rows([], consistent=False) == {}


# --- an answer that is lost


class Line:
    """The line to DynamoDB: it loses the answer to the next update, which has then been carried out."""

    def __init__(self) -> None:
        self.lose = False
        #: What else happens before the request is repeated.
        self.meanwhile: Callable[[], object] = lambda: None
        self.updates = 0

    def __call__(self, request: Any, **_: object) -> None:
        self.updates += 1
        if self.lose:
            self.lose = False
            response = botocore_stubber(event_name="before-send", request=request)
            assert response is not None
            assert response.status_code == 200
            self.meanwhile()
            raise ConnectionClosedError(endpoint_url=request.url)


@pytest.fixture
def line(account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    made = Line()
    client = adapters.tables.MessageItem._get_connection().connection.client
    client.meta.events.register_first("before-send.dynamodb.UpdateItem", made)
    yield made
    client.meta.events.unregister("before-send.dynamodb.UpdateItem", made)


def test_a_claim_whose_answer_was_lost_is_found_to_be_ones_own(line: Line) -> None:
    ledger = adapters.DynamoLedger()
    line.lose = True
    assert ledger.claim(M1, now=T0) == 1
    assert line.updates == 2
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=1, claimed_at=T0)


def test_a_second_claim_whose_answer_was_lost_is_found_to_be_ones_own(line: Line) -> None:
    ledger = adapters.DynamoLedger()
    _claim(ledger)
    line.lose = True
    assert ledger.claim_again("m1", attempt=1, now=T0 + 5) == 2
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=2, claimed_at=T0 + 5)


def test_a_lost_claim_that_somebody_else_has_claimed_again_is_theirs(line: Line) -> None:
    ledger = adapters.DynamoLedger()
    line.lose = True
    line.meanwhile = lambda: ledger.claim_again("m1", attempt=1, now=T0 + 5)
    with pytest.raises(Conflict):
        ledger.claim(M1, now=T0)
    assert _row(ledger) == _expected(Status.CLAIMED, attempt=2, claimed_at=T0 + 5)


def test_what_ended_a_claim_bears_a_lost_answer(line: Line) -> None:
    ledger = adapters.DynamoLedger()
    for how, status in ENDS.items():
        attempt = ledger.claim(mail(how), now=T0)
        line.lose = True
        match how:
            case "sent":
                ledger.mark_sent(how, attempt=attempt, provider_id="ses-1", now=T0)
            case "given back":
                ledger.give_back(how, attempt=attempt)
            case "failed":
                ledger.fail_attempt(how, attempt=attempt, reason="rejected", now=T0)
        assert not line.lose
        assert _row(ledger, how).status is status


# --- any order


class BothLedgers(RuleBasedStateMachine):
    """Whatever is done, the ledger in memory says and holds what the one on DynamoDB does."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        BothLedgers.made += 1
        # The table is shared by the runs; each has messages of its own.
        self.ids = [f"{BothLedgers.made}-a", f"{BothLedgers.made}-b"]
        self.memory, self.dynamo = MemoryLedger(), adapters.DynamoLedger()
        self.now = T0

    def both(self, which: int, act: Callable[[Ledger, str], object]) -> None:
        message_id = self.ids[which]
        self.now += 1
        answers = []
        for ledger in (self.memory, self.dynamo):
            try:
                answers.append(act(ledger, message_id))
            except Conflict:
                answers.append(Conflict)
        assert answers[0] == answers[1]
        rows = [ledger.rows([message_id], consistent=True) for ledger in (self.memory, self.dynamo)]
        assert rows[0] == rows[1]

    _which = st.integers(0, 1)
    # Mostly the newest attempt, sometimes one before or after it.
    _off = st.sampled_from([0, 0, 0, -1, 1])

    def _attempt(self, which: int, off: int) -> int:
        row = self.memory.held.get(self.ids[which])
        return (row.attempt if row else 0) + off

    @rule(which=_which)
    def claim(self, which: int) -> None:
        self.both(which, lambda ledger, it: ledger.claim(mail(it), now=self.now))

    @rule(which=_which, off=_off)
    def claim_again(self, which: int, off: int) -> None:
        attempt = self._attempt(which, off)
        self.both(which, lambda ledger, it: ledger.claim_again(it, attempt=attempt, now=self.now))

    @rule(which=_which, off=_off)
    def mark_sent(self, which: int, off: int) -> None:
        attempt = self._attempt(which, off)
        self.both(
            which, lambda ledger, it: ledger.mark_sent(it, attempt=attempt, provider_id="p", now=self.now)
        )

    @rule(which=_which, off=_off)
    def give_back(self, which: int, off: int) -> None:
        attempt = self._attempt(which, off)
        self.both(which, lambda ledger, it: ledger.give_back(it, attempt=attempt))

    @rule(which=_which, reason=st.sampled_from(["a", "b"]))
    def fail(self, which: int, reason: str) -> None:
        self.both(which, lambda ledger, it: ledger.fail(mail(it), reason=reason, now=self.now))

    @rule(which=_which, off=_off)
    def fail_attempt(self, which: int, off: int) -> None:
        attempt = self._attempt(which, off)
        self.both(
            which, lambda ledger, it: ledger.fail_attempt(it, attempt=attempt, reason="r", now=self.now)
        )

    @rule(which=_which, reason=st.sampled_from(["goal", "left"]))
    def cancel(self, which: int, reason: str) -> None:
        self.both(which, lambda ledger, it: ledger.cancel(it, contact_id="ann", reason=reason, now=self.now))

    @rule(
        which=_which, facts=st.dictionaries(st.sampled_from(FACTS), st.integers(1, 9), min_size=1, max_size=2)
    )
    def note(self, which: int, facts: dict[str, int]) -> None:
        self.both(which, lambda ledger, it: ledger.note(it, facts))


def test_in_any_order_both_ledgers_say_and_hold_the_same(account: None) -> None:
    run_state_machine_as_test(
        BothLedgers, settings=settings(max_examples=30, stateful_step_count=15, deadline=None)
    )
