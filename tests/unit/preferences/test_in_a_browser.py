"""Do the public pages work in a browser without JavaScript, under their own security policy?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from redshank.engine.inputs import TOPIC_SUBSCRIBED, TOPIC_UNSUBSCRIBED
from tests.raw import event as raw
from tests.unit.preferences.desks import Office

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="CHROMIUM IS MISSING: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        browser.close()


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def url(office: Office) -> Iterator[str]:
    """The pages behind a path of somebody's domain, as an HTTP server."""
    desk = office.desk()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("http/unsubscribe_page", "GET")

        def do_POST(self) -> None:
            self._answer("http/unsubscribe_one_click", "POST")

        def _answer(self, event: str, method: str) -> None:
            request = raw(event) | {"rawPath": self.path, "isBase64Encoded": False}
            request["body"] = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            request["requestContext"]["http"]["method"] = method
            answer = desk.answer(request)
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/mail"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone; whatever the browser complains about fails the test."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 667})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    context.close()
    # A bad link is answered with 404, and no page has an icon.
    assert [it for it in complaints if "404 (Not Found)" not in it and "favicon" not in it] == []


def test_unsubscribing_takes_one_press_and_leads_on_to_the_preferences(
    page: Page, url: str, office: Office
) -> None:
    page.goto(f"{url}/u/{office.token('u')}")
    assert office.told() == []
    page.get_by_role("button", name="Unsubscribe").click()
    assert "no more emails of the kind “Tips & tricks”" in page.get_by_role("status").inner_text()
    assert office.said() == [(TOPIC_UNSUBSCRIBED, "tips")]
    page.get_by_role("link").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Your email preferences"


def test_preferences_are_chosen_with_labelled_boxes(page: Page, url: str, office: Office) -> None:
    page.goto(f"{url}/p/{office.token('p')}")
    page.get_by_label("Product news").uncheck()
    page.get_by_label("Offers").check()
    page.get_by_role("button", name="Save").click()
    assert page.get_by_label("Offers").is_checked()
    assert not page.get_by_label("Product news").is_checked()
    assert office.said() == [(TOPIC_UNSUBSCRIBED, "news"), (TOPIC_SUBSCRIBED, "offers")]


def test_everything_is_left_with_one_press(page: Page, url: str, office: Office) -> None:
    page.goto(f"{url}/p/{office.token('p')}")
    page.get_by_role("button", name="Unsubscribe from everything").click()
    assert "unsubscribed from everything" in page.get_by_role("status").inner_text()
    assert office.said() == [(TOPIC_UNSUBSCRIBED, "*")]


def test_the_style_is_let_in_by_the_policy_and_nothing_is_wider_than_the_phone(
    page: Page, url: str, office: Office
) -> None:
    for path in (f"u/{office.token('u')}", f"p/{office.token('p')}", "u/forged"):
        page.goto(f"{url}/{path}")
        box = page.get_by_role("main").bounding_box()
        assert box is not None
        assert box["x"] == 16
        assert box["width"] == 375 - 2 * 16
