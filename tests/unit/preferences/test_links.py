"""Who is this link for?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.engine.effects import Mail
from redshank.preferences.links import BadLink, Link, Purpose, links, read, token

KEYS = ["the first secret", "the second secret"]
LINK = Link(contact_id="contact-1", topic="tips", message_id="message-1")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def mail() -> Mail:
    return Mail(
        message_id="message-1",
        contact_id="contact-1",
        workflow="activation",
        run="run-1",
        step="welcome",
        template="welcome",
        topic="tips",
        transactional=False,
        decided_at=0,
    )


@given(contact=texts, topic=texts, message=texts, purpose=st.sampled_from(Purpose))
def test_what_was_written_is_read_back(contact: str, topic: str, message: str, purpose: Purpose) -> None:
    link = Link(contact_id=contact, topic=topic, message_id=message)
    if contact:
        assert read(KEYS, purpose, token(KEYS, purpose, link)) == link


def test_a_token_is_safe_in_a_url_and_short() -> None:
    long = Link(contact_id="c" * 24, topic="product_updates", message_id="m" * 24)
    text = token(KEYS, Purpose.UNSUBSCRIBE, long)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert len(text) < 200


def test_a_key_that_no_longer_signs_still_reads() -> None:
    old = token(KEYS[:1], Purpose.UNSUBSCRIBE, LINK)
    assert read(KEYS, Purpose.UNSUBSCRIBE, old) == LINK


def test_the_last_key_signs() -> None:
    text = token(KEYS, Purpose.UNSUBSCRIBE, LINK)
    assert read(KEYS[1:], Purpose.UNSUBSCRIBE, text) == LINK
    with pytest.raises(BadLink):
        read(KEYS[:1], Purpose.UNSUBSCRIBE, text)


def test_a_link_is_good_for_its_purpose_only() -> None:
    with pytest.raises(BadLink):
        read(KEYS, Purpose.PREFERENCES, token(KEYS, Purpose.UNSUBSCRIBE, LINK))


def test_a_link_signed_with_another_key_is_forged() -> None:
    with pytest.raises(BadLink):
        read(KEYS, Purpose.UNSUBSCRIBE, token(["another"], Purpose.UNSUBSCRIBE, LINK))


@given(text=st.text())
def test_garbage_is_no_link(text: str) -> None:
    with pytest.raises(BadLink):
        read(KEYS, Purpose.UNSUBSCRIBE, text)


@given(place=st.integers(0, 200), character=st.sampled_from("Aa0-_."))
def test_a_changed_link_is_no_link_or_the_same(place: int, character: str) -> None:
    text = token(KEYS, Purpose.UNSUBSCRIBE, LINK)
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]
    try:
        # The last character of base64 has bits to spare.
        assert read(KEYS, Purpose.UNSUBSCRIBE, changed) == LINK
    except BadLink:
        assert changed != text


def test_an_email_gets_one_link_of_each_kind() -> None:
    made = links("https://mail.example", KEYS)(mail())
    unsubscribe, preferences = made.unsubscribe.rpartition("/"), made.preferences.rpartition("/")
    assert unsubscribe[0] == "https://mail.example/u"
    assert preferences[0] == "https://mail.example/p"
    assert read(KEYS, Purpose.UNSUBSCRIBE, unsubscribe[2]) == LINK
    assert read(KEYS, Purpose.PREFERENCES, preferences[2]) == LINK
