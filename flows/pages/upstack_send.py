"""The one request that carries a token to Upstack: let out once, on a fresh connection.

A page may submit twice, and Chromium itself repeats a POST on a reused connection that drops; each
repeat could make one more destination. While a form is being saved, requests are looked at on their
way out, and a second one that carries the token is stopped.
"""

import contextlib
import logging
from collections.abc import Iterator

from playwright.sync_api import Error, Page, Route

from automation.browser import step
from automation.relay import Relay
from automation.secret import Secret

log = logging.getLogger(__name__)

_READS = ("GET", "HEAD", "OPTIONS")


class Sending:
    """What left the page while a form was being saved."""

    def __init__(self, token: Secret, relay: Relay | None) -> None:
        """Watch for a token."""
        self._token, self._relay = token, relay
        self.left = False
        """Whether a request with the token has left the page."""

    def look(self, route: Route) -> None:
        """Let a request out, or stop it where the token has left before."""
        request = route.request
        with contextlib.suppress(Error):  # the page has gone meanwhile
            if request.method in _READS or not self._carries(request.post_data_buffer):
                route.continue_()
            elif self.left:
                log.info("a second request with the token was not let out")
                route.abort()
            else:
                self.left = True
                if self._relay is not None:
                    self._relay.drop_idle()
                route.continue_()

    def _carries(self, body: bytes | None) -> bool:
        return body is not None and self._token.reveal().encode() in body


@contextlib.contextmanager
def sending(page: Page, token: Secret, relay: Relay | None) -> Iterator[Sending]:
    """Look at everything that leaves a page until the end of the block."""
    watch = Sending(token, relay)
    _set(page, watch)
    try:
        yield watch
    finally:
        with contextlib.suppress(Error):
            page.unroute("**/*", watch.look)


@step("watching what Upstack's page sends")
def _set(page: Page, watch: Sending) -> None:
    page.route("**/*", watch.look)
