"""The mailbox page in a real browser: what a newcomer sees, and presses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.client import Email, Stand, until

pytestmark = [pytest.mark.stand, pytest.mark.browser, pytest.mark.timeout(180)]

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def welcome(stand: Stand) -> Email:
    stand.sign_up("looker")
    return stand.wait_for("looker", "welcome")


@pytest.fixture
def page() -> Iterator[Page]:
    if _CHROMIUM is None:
        pytest.skip("NOT TESTED: the mailbox page, since this machine has no Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


def test_an_email_is_shown_as_it_looks_with_its_text_and_headers(
    stand: Stand, page: Page, welcome: Email
) -> None:
    page.goto(stand.place.mailbox)
    page.get_by_role("link", name="looker@example.com").first.click()
    expect(page.get_by_role("heading", name=welcome["subject"])).to_be_visible()
    expect(page.frame_locator("iframe").get_by_text("Fieldnote").first).to_be_visible()
    page.get_by_role("link", name="Text", exact=True).click()
    expect(page.locator("pre")).to_contain_text("Keizersgracht 102")
    page.get_by_role("link", name="Headers", exact=True).click()
    expect(page.locator("dl")).to_contain_text("List-Unsubscribe-Post")


def test_nothing_of_an_email_runs(stand: Stand, page: Page, welcome: Email) -> None:
    page.goto(f"{stand.place.mailbox}/mail/{welcome['id']}")
    sandbox = page.locator("iframe").get_attribute("sandbox")
    assert sandbox is not None
    assert "allow-scripts" not in sandbox
    assert "allow-same-origin" not in sandbox


def test_a_button_goes_the_way_ses_would(stand: Stand, page: Page, welcome: Email) -> None:
    page.goto(f"{stand.place.mailbox}/mail/{welcome['id']}")
    page.get_by_role("button", name="Hard bounce").click()
    expect(page.get_by_role("status")).to_contain_text("Bounce reported")
    until(lambda: stand.suppressed("looker"), seconds=15, what="the address to be suppressed")


def test_it_can_be_used_on_a_phone(stand: Stand, page: Page, welcome: Email) -> None:
    page.set_viewport_size({"width": 375, "height": 740})
    for path in ("/", f"/mail/{welcome['id']}", f"/mail/{welcome['id']}?view=headers"):
        page.goto(f"{stand.place.mailbox}{path}")
        width: int = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 375, path
