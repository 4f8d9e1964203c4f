"""What does a request to the public pages do?"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from urllib.parse import urljoin

import pytest

from redshank.clock import Clock
from redshank.engine.book import Book
from redshank.engine.inputs import TOPIC_SUBSCRIBED, TOPIC_UNSUBSCRIBED, Event
from redshank.environment import Environment
from redshank.memory import MemoryBooks, MemoryContacts, MemoryQueues
from redshank.ports import Outbound, Queue
from redshank.preferences.desk import DOUBLE_CLICK
from redshank.preferences.links import Purpose, read
from tests.handlers import load
from tests.raw import event as raw
from tests.unit.preferences.desks import BOOK, CONTACT, NOW, Office


@pytest.fixture
def office() -> Office:
    return Office()


def checked(page: str) -> dict[str, bool]:
    """Topic -> whether its box on the page is checked."""
    boxes = re.findall(r'<input type="checkbox" name="topic" value="([^"]*)"( checked)?>', page)
    return {name: bool(mark) for name, mark in boxes}


class TestUnsubscribe:
    def test_looking_at_the_page_changes_nothing(self, office: Office) -> None:
        status, page = office.get("u")
        assert status == 200
        assert "Tips &amp; tricks" in page
        assert '<form method="post">' in page
        assert office.told() == []

    def test_one_click_tells_evaluate_that_the_contact_left_the_topic(self, office: Office) -> None:
        status, page = office.post("u")
        assert status == 200
        assert "You are unsubscribed" in page
        [event] = office.told()
        assert event == Event(
            id=event.id,
            stream="contact:contact-1",
            type="track",
            name=TOPIC_UNSUBSCRIBED,
            occurred_at=NOW,
            received_at=NOW,
            properties={"topic": "tips", "message_id": "message-1"},
        )

    def test_a_form_encoded_otherwise_does_the_same(self, office: Office) -> None:
        office.post("u", form={})
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips")]

    def test_a_link_without_a_topic_leaves_everything(self, office: Office) -> None:
        assert "no more emails from us" in office.get("u", topic="")[1]
        office.post("u", topic="")
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "*")]

    def test_a_double_click_is_one_event(self, office: Office) -> None:
        office.post("u")
        office.now += 300
        office.post("u")
        first, second = office.told()
        assert first.id == second.id

    def test_who_comes_back_later_is_heard_again(self, office: Office) -> None:
        office.post("u")
        office.now += DOUBLE_CLICK
        office.post("u")
        first, second = office.told()
        assert first.id != second.id

    def test_the_page_leads_to_the_preferences_of_the_same_contact(self, office: Office) -> None:
        _, page = office.get("u")
        [relative] = re.findall(r'href="([^"]+)"', page)
        url = urljoin(f"https://acme.example/mail/u/{office.token('u')}", html.unescape(relative))
        assert url.startswith("https://acme.example/mail/p/")
        link = read(office.settings.secrets, Purpose.PREFERENCES, url.rpartition("/")[2])
        assert link.contact_id == CONTACT

    @pytest.mark.parametrize("book", [None, Book(sequence=1, hash="x")])
    def test_it_works_without_the_topic_or_any_book(self, office: Office, book: Book | None) -> None:
        office.books = MemoryBooks(book)
        assert office.post("u")[0] == 200
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips")]

    def test_it_works_where_the_book_cannot_be_had(self, office: Office) -> None:
        class Down(MemoryBooks):
            def current(self) -> Book:
                raise ConnectionError

        office.books = Down()
        assert office.post("u")[0] == 200
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips")]

    def test_success_is_said_only_once_sqs_has_accepted(self, office: Office) -> None:
        class Down(MemoryQueues):
            def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
                raise ConnectionError

        office.queues = Down()
        status, page = office.post("u")
        assert status == 503
        assert "Please try again" in page


class TestPreferences:
    def test_the_page_shows_where_the_contact_stands(self, office: Office) -> None:
        assert checked(office.get("p")[1]) == {"tips": True, "news": True, "offers": False}
        office.knows({"tips": (False, 5), "offers": (True, 5)})
        assert checked(office.get("p")[1]) == {"tips": False, "news": True, "offers": True}
        office.knows({"*": (False, 7), "offers": (True, 5)})
        assert checked(office.get("p")[1]) == {"tips": False, "news": False, "offers": False}
        assert office.told() == []

    def test_saving_tells_what_has_changed(self, office: Office) -> None:
        status, page = office.post(
            "p", form={"do": "save", "was": ["tips", "news"], "topic": ["news", "offers"]}
        )
        assert status == 200
        assert "Saved" in page
        assert checked(page) == {"tips": False, "news": True, "offers": True}
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips"), (TOPIC_SUBSCRIBED, "offers")]

    def test_a_form_as_the_api_hands_it_over_is_read(self, office: Office) -> None:
        office.post("p")
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips")]

    def test_saving_what_is_so_already_tells_nothing(self, office: Office) -> None:
        form = {"do": "save", "was": ["tips", "news"], "topic": ["tips", "news"]}
        assert "Saved" in office.post("p", form=form)[1]
        assert office.told() == []

    def test_changing_ones_mind_before_evaluate_has_heard_is_heard(self, office: Office) -> None:
        office.post("p", form={"do": "save", "was": ["tips", "news"], "topic": ["news"]})
        office.post("p", form={"do": "save", "was": ["news"], "topic": ["tips", "news"]})
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips"), (TOPIC_SUBSCRIBED, "tips")]

    def test_a_box_left_checked_on_an_old_page_is_no_consent(self, office: Office) -> None:
        office.knows({"tips": (False, 5)})
        office.post("p", form={"do": "save", "was": ["tips", "news"], "topic": ["tips", "news"]})
        assert office.told() == []

    def test_a_box_left_empty_on_an_old_page_is_heard(self, office: Office) -> None:
        office.post("p", form={"do": "save", "was": ["news"], "topic": ["news"]})
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips")]

    def test_everything_can_be_left_at_once(self, office: Office) -> None:
        status, page = office.post("p", form={"do": "everything", "was": ["tips"], "topic": ["tips"]})
        assert status == 200
        assert "unsubscribed from everything" in page
        assert checked(page) == {"tips": False, "news": False, "offers": False}
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "*")]

    def test_transactional_topics_cannot_be_left(self, office: Office) -> None:
        assert "account" not in checked(office.get("p")[1])
        office.post("p", form={"do": "save", "was": ["tips", "news", "account"], "topic": ["tips", "news"]})
        assert office.told() == []

    @pytest.mark.parametrize("form", [{}, {"do": "dance"}, {"do": ["save", "everything"]}, {"topic": "tips"}])
    def test_a_form_that_does_not_say_what_to_do_does_nothing(
        self, office: Office, form: dict[str, object]
    ) -> None:
        assert office.post("p", form=form)[0] == 400
        assert office.told() == []

    def test_a_form_of_absurd_size_does_nothing(self, office: Office) -> None:
        assert office.post("p", form={"do": "save", "topic": "x" * 20_000})[0] == 400
        assert office.post("p", form={"do": "save", "topic": ["x"] * 501})[0] == 400
        assert office.told() == []

    def test_without_a_book_everything_can_still_be_left(self, office: Office) -> None:
        office.books = MemoryBooks()
        status, page = office.get("p")
        assert status == 200
        assert checked(page) == {}
        office.post("p", form={"do": "everything"})
        assert office.said() == [(TOPIC_UNSUBSCRIBED, "*")]


class TestBadLinks:
    @pytest.mark.parametrize("purpose", ["u", "p"])
    @pytest.mark.parametrize("text", ["x", "eyJjIjoieCJ9.forged", "%00", "a.b.c", "\ud800", "é"])
    def test_a_forged_link_gets_a_plain_page_and_changes_nothing(
        self, office: Office, purpose: str, text: str
    ) -> None:
        for status, page in (
            office.get(purpose, text),
            office.post(purpose, text, form={"do": "everything"}),
        ):
            assert status == 404
            assert "This link does not work" in page
        assert office.told() == []

    def test_a_link_of_another_purpose_changes_nothing(self, office: Office) -> None:
        assert office.post("p", office.token("u"), form={"do": "everything"})[0] == 404
        assert office.post("u", office.token("p"))[0] == 404
        assert office.told() == []

    @pytest.mark.parametrize("path", ["/", "", "/u", "/u/", "/x/token"])
    def test_other_paths_are_no_links(self, office: Office, path: str) -> None:
        assert office.desk().answer(raw("http/unsubscribe_page") | {"rawPath": path})["statusCode"] == 404


def test_pages_load_and_run_nothing_and_are_not_found_or_kept(office: Office) -> None:
    answer = office.desk().answer(raw("http/unsubscribe_page"))
    headers, page = answer["headers"], answer["body"]
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    assert headers["cache-control"] == "no-store"
    assert "<script" not in page
    assert '<html lang="en">' in page


def test_what_the_team_wrote_is_shown_as_text(office: Office) -> None:
    topic = next(iter(BOOK.topics.values()))
    evil = Book(sequence=1, hash="x", topics={"tips": type(topic)(name="tips", title="<script>x</script>")})
    office.books = MemoryBooks(evil)
    for _, page in (office.get("u"), office.post("u"), office.get("p")):
        assert "<script" not in page


def test_the_handler_answers_through_the_ports_it_is_wired_to(
    monkeypatch: pytest.MonkeyPatch, office: Office
) -> None:
    app = load(
        "preferences",
        monkeypatch,
        Environment(stack="test", clock=Clock(wall=lambda: NOW)),
        contacts=MemoryContacts(),
        books=office.books,
        events_queue=office.queues,
        settings=office.settings,
    )
    request = raw("http/unsubscribe_one_click") | {"rawPath": f"/u/{office.token('u')}"}
    assert app.handler(request, None)["statusCode"] == 200
    assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips")]
