"""Every saved screen, served at its real address: what was seen live is seen on it again.

All folders under fixtures/recordings/ take part: a recording of one's own joins by being put there.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.browser import Lane
from automation.recording_folder import INDEX, read_index
from flows.wording import Wording, load
from tests.replay import Replay, console_name, seen, walked

ROOT = Path(__file__).parent.parent / "fixtures" / "recordings"
FOLDERS = {each.parent.relative_to(ROOT).as_posix(): each.parent
           for each in sorted(ROOT.glob(f"**/{INDEX}"))}  # fmt: skip
SCREENS = [(name, each.name) for name, folder in FOLDERS.items() for each in read_index(folder)]
DRAWN = [name for name, folder in FOLDERS.items() if read_index(folder)[0].made == "drawn"]
WALKED = [name for name in FOLDERS if name == "ks" or name not in DRAWN]
OTHER_WORDS = [name for name in FOLDERS if name.startswith("ks-")]
"""Sets that differ from another by their language or version alone."""
TEST_IDS = {
    "tools_menu": {"nav-tools", "nav-assets"},
    "events_menu": {"menu-events"},
    "events_manager_entry": {"menu-events-manager", "launch-events"},
    "web_events": {"menu-web-events"},
    "data_sources": {"side-data-sources"},
    "pixel_row": {"pixel-row", "pixels"},
    "next_page": {"list-next"},
    "settings_tab": {"tab-settings"},
    "events_api_section": {"events-api"},
    "generate": {"generate"},
    "replace": {"generate"},
    "copy": {"copy-token", "eye"},  # an eye, where nothing else stands beside the masked token
    "confirm": {"confirm-yes"},
}
"""What the bundled console itself calls each control: it, not the finder, says which is right."""


@pytest.fixture(scope="module")
def wording() -> Wording:
    """The words that ship."""
    return load()


@pytest.fixture(scope="module")
def replay(lane: Lane) -> Iterator[Replay]:
    """One page for all screens."""
    yield Replay(lane.open())
    lane.close_context()


@pytest.mark.parametrize(("folder", "name"), SCREENS)
def test_page_objects_see_on_a_saved_screen_what_they_saw_live(
    replay: Replay, wording: Wording, folder: str, name: str
) -> None:
    """Controls, identity, an existing token, obstacles; and the page loads nothing by itself."""
    replay.take(FOLDERS[folder])
    screen = replay.show(name)
    shows, elements = seen(replay.page, screen, wording, whole=folder not in OTHER_WORDS)
    assert shows == screen.shows
    for control, element in elements.items() if screen.made == "drawn" else ():
        # The console's own word, which the finder is not allowed to decide by.
        assert console_name(element) in TEST_IDS[control], control
    assert replay.unlisted == []


@pytest.mark.parametrize("folder", WALKED)
def test_the_whole_way_is_walked_on_a_recording(
    replay: Replay, wording: Wording, folder: str
) -> None:
    """From home to the button by the clicks that lead on, as the index says, and no other page."""
    replay.take(FOLDERS[folder])
    shown = walked(replay, wording)
    assert shown == {name: replay.screens[name].shows for name in shown}
    assert list(shown) == ["home", "menu", "list", "pixel", "settings"]
    assert replay.unlisted == []


def test_the_console_was_saved_in_each_of_its_looks() -> None:
    """And is there at all; else every test here would pass for want of screens."""
    assert {"plain", "ks", "react", "vi"} <= FOLDERS.keys()
    assert len(SCREENS) > 60


@pytest.mark.parametrize("folder", FOLDERS)
def test_index_and_files_say_the_same(folder: str) -> None:
    """Every file is listed, and calls itself drawn or recorded as the index does."""
    screens = read_index(FOLDERS[folder])
    assert {each.file for each in screens} == {each.name for each in FOLDERS[folder].glob("*.html")}
    for each in screens:
        data = (FOLDERS[folder] / each.file).read_bytes()
        assert f'<meta name="pixelmint-fixture" content="{each.made}">'.encode() in data
        assert each.address.startswith("https://") and each.day and each.look and each.state
        assert set(each.leads.values()) <= {other.name for other in screens}


def test_the_drawn_screens_stay_small() -> None:
    """They are part of every copy of the project."""
    sizes = [each.stat().st_size for folder in DRAWN for each in FOLDERS[folder].iterdir()]
    assert max(sizes) < 60_000
    assert sum(sizes) < 1_500_000
