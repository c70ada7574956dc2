"""The pages of `docs/`: listed in the index, with links that lead somewhere and words that work."""

import re
from pathlib import Path

import pytest

from flows.wording import load
from tests.flows_helpers import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda each: each.name)
def test_a_link_leads_to_a_file_that_is_there(page: Path) -> None:
    """Those within the repository; others are not followed."""
    links = [each[1] for each in _LINK.finditer(page.read_text()) if "://" not in each[1]]
    assert [each for each in links if not (page.parent / each).exists()] == []


def test_the_index_names_every_page() -> None:
    """A page that is not in it is found by nobody."""
    named = {each[1] for each in _LINK.finditer((DOCS / "README.md").read_text())}
    pages = {each.name for each in DOCS.glob("*.md")} - {"README.md"}
    assert pages <= named


def test_the_wording_that_is_shown_can_be_used(tmp_path: Path) -> None:
    """As it stands; the button's word is taken, and its source told."""
    text = (DOCS / "languages-and-looks.md").read_text()
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", text, re.M | re.S)
    (tmp_path / "wording.toml").write_text(shown)
    wording = load(tmp_path / "wording.toml")
    first = wording.meaning("generate").labels[0]
    assert wording.source_of(first) == "your own file, not verified"
    assert "congela" in wording.never and "Riprova più tardi" in wording.words("busy")
