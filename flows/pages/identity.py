"""Which account and which pixel a page speaks of, read off the page itself.

Leans on DOMAIN facts: an account is 15 to 20 digits and stands in `aadvid` of the address (sure);
the pixel's code stands after "ID:" on its page (fair); what a console shows for a wrong `aadvid` is
unknown, so that a mismatch is refused whatever the address says.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import ElementHandle, Error, Page

from automation.controls import Region, nearest, texts
from automation.errors import WrongPixel

CODE = re.compile(r"(?<![0-9A-Za-z_])[A-Z0-9]{18,24}(?![0-9A-Za-z_])")
_DIGITS = re.compile(r"(?<![0-9A-Za-z_])[0-9]{15,20}(?![0-9A-Za-z_])")
_WELL_FORMED = re.compile(r"[C-F][0-9A-V]{18}[0G]")
_HEADER_PX = 110
"""What stands higher than this is the console's own header, which names the account."""

_AROUND = """
(element, own) => {
  let at = element, text = "";
  for (let i = 0; at && i < 4; i += 1) {
    text = (at.innerText || at.textContent || "").trim();
    if (text.length > own.length + 2) break;
    at = at.parentElement || (at.getRootNode && at.getRootNode().host);
  }
  return [text.slice(0, 160), element.getBoundingClientRect().top];
}
"""


@dataclass(frozen=True)
class Identity:
    """What the page says it is about."""

    pixel: str
    account: str
    name: str = ""
    """What the console calls the pixel, where that could be told."""


def codes_near(where: Region | ElementHandle) -> list[str]:
    """Return the pixel codes that stand nearest to a part of the page."""
    return [each for each in nearest(where, CODE) if _WELL_FORMED.fullmatch(each)]


def codes_on(page: Page) -> list[str]:
    """Return every well-formed pixel code that the page shows, each once."""
    return list(dict.fromkeys(s.text for s in texts(page, CODE) if _WELL_FORMED.fullmatch(s.text)))


def shows_code(page: Page, pixel: str) -> bool:
    """Tell whether the page shows this very code anywhere."""
    return any(each.text == pixel for each in texts(page, CODE))


def in_address(page: Page, pixel: str) -> bool:
    """Tell whether the page's address names this pixel."""
    return pixel in re.split(r"[/?&=#]", page.url)


def read_account(page: Page, asked: str | None, words: Iterable[str]) -> str:
    """Return the account the page is about.

    Args:
        page: a page of Events Manager.
        asked: the account it should be, or None.
        words: labels that stand before an account's id, in lower case.

    Raises:
        WrongPixel: it is about another account, about none, or about two.
    """
    told = _told(page, tuple(words))
    in_url = parse_qs(urlsplit(page.url).query).get("aadvid", [""])[0]
    if asked is not None:
        if told and asked not in told:
            raise _wrong(f"the page shows account {', '.join(told)}, not {asked}")
        if not told and in_url != asked and not _visible(page, asked):
            raise _wrong(f"the page does not say that it is about account {asked}")
        if len(told) > 1 and in_url != asked:
            raise _wrong(f"the page shows several accounts: {', '.join(told)}")
        return asked
    if len(told) == 1 and in_url in ("", told[0]):
        return told[0]
    if in_url and (not told or in_url in told):
        return in_url
    raise _wrong("the page does not say for sure which account it is about")


def _told(page: Page, words: tuple[str, ...]) -> list[str]:
    """Return the ids that the page itself calls accounts, or shows in its header."""
    found: dict[str, None] = {}
    for spot in texts(page, _DIGITS):
        try:
            around, top = spot.element.evaluate(_AROUND, spot.text)
        except Error:
            continue  # it went away while being read
        before = around.split(spot.text)[0].lower() if spot.text in around else around.lower()
        if any(word in before for word in words) or top < _HEADER_PX:
            found[spot.text] = None
    return list(found)


def _visible(page: Page, account: str) -> bool:
    return any(each.text == account for each in texts(page, _DIGITS))


def _wrong(happened: str) -> WrongPixel:
    return WrongPixel(
        happened,
        next_step="give the right --account, or choose the account in the console and sign in "
        "again; nothing was clicked",
    )
