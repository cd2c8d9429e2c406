"""Somebody signs in to an app on loopback with the workspace, on the page that the app sends them to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import OpenTab
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser


class _Back(BaseHTTPRequestHandler):
    """Shows what the app was sent."""

    def do_GET(self) -> None:
        sent = parse_qs(urlsplit(self.path).query)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<link rel=icon href=data:,>Back with {sorted(sent)} and {sent.get('state')}".encode())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def app_on_loopback() -> Iterator[str]:
    """Serve an app; yield the address that it wants people back at."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Back) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/back"
        server.shutdown()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_a_person_chooses_who_they_are_and_comes_back_to_the_app(
    stage: Stage, open_tab: OpenTab, viewport: ViewportSize
) -> None:
    tab = await open_tab(viewport)
    with app_on_loopback() as back:
        asked = {"response_type": "code", "client_id": "local-client", "scope": "openid email", "state": "s1"}
        page = f"{stage.workspace_url}/openid/connect/authorize?{urlencode(asked | {'redirect_uri': back})}"
        await tab.page.goto(page)
        await expect(tab.page.get_by_role("heading", level=1)).to_have_text("Sign in to Stanch with Local workspace")
        await expect(tab.page.get_by_text("See your email address")).to_be_visible()
        await expect(tab.page.get_by_text("See your name")).to_be_hidden()
        assert await tab.fits()
        await tab.page.get_by_label("Responder").check()
        await tab.page.get_by_role("button", name="Allow").click()
        await expect(tab.page.locator("body")).to_have_text("Back with ['code', 'state'] and ['s1']")
        await tab.page.goto(page)
        await tab.page.get_by_role("button", name="Cancel").click()
        await expect(tab.page.locator("body")).to_have_text("Back with ['error', 'state'] and ['s1']")
