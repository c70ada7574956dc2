"""Which browser is taken: the one asked for, one that is here, one that is installed."""

import os
from pathlib import Path

import pytest

from automation import finding
from automation.errors import UsageError
from automation.finding import find_browser, install_browser


def program(path: Path, ends_with: int = 0) -> Path:
    """A program that answers `--version` the way a browser does, or fails as a stub does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho Chromium 1.0\nexit {ends_with}\n")
    path.chmod(0o700)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any browser, and the folder Playwright would download one to."""
    folder = tmp_path / "registry"
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(folder))
    monkeypatch.setattr(finding, "_SHELL", ())
    monkeypatch.setattr(finding, "_LINUX", ())
    monkeypatch.setattr(finding, "_MAC", ())
    return folder


class Installers:
    """Stands in for every program that is run; notes the commands, and may bring a browser."""

    def __init__(self, *works: str, brings: dict[str, Path] | None = None) -> None:
        self.commands: list[str] = []
        self._works = works
        self._brings = brings or {}

    def __call__(self, command: list[str], *, limit_s: float = 0) -> bool:
        """Run nothing; say whether it worked."""
        line = " ".join(command)
        if line.endswith("--version"):
            return os.access(command[0], os.X_OK)
        self.commands.append(line)
        for part, path in self._brings.items():
            if part in f"{line}\n":
                program(path)
        return any(part in line for part in self._works)


def downloaded(registry: Path, name: str = "chromium") -> Path:
    """Where this version of Playwright looks for its Chromium, or for the one without a window."""
    package = Path(finding.playwright.__file__).parent / "driver" / "package"
    listed = finding.json.loads((package / "browsers.json").read_text())["browsers"]
    revision = next(each["revision"] for each in listed if each["name"] == name)
    if name == "chromium":
        return registry / f"chromium-{revision}" / "chrome-linux64" / "chrome"
    folder = registry / f"chromium_headless_shell-{revision}" / "chrome-headless-shell-linux64"
    return folder / "chrome-headless-shell"


@pytest.mark.parametrize(
    ("setting", "kind", "value"),
    [
        ("chrome", "channel", "chrome"),
        ("msedge-beta", "channel", "msedge-beta"),
        ("ws://far:3000/x", "ws", "ws://far:3000/x"),
        ("wss://far/devtools/browser/1", "cdp", "wss://far/devtools/browser/1"),
        ("cdp+http://far:9222", "cdp", "http://far:9222"),
        ("cdp+https://far", "cdp", "https://far"),
    ],
)
def test_a_setting_names_a_channel_or_a_remote_browser(setting: str, kind: str, value: str) -> None:
    """Nothing is started or asked for that."""
    choice = find_browser(setting)
    assert (choice.kind, choice.value) == (kind, value)
    assert choice.remote is (kind != "channel")


def test_a_setting_names_a_path(tmp_path: Path) -> None:
    """The program is taken as it is."""
    path = program(tmp_path / "my browser")
    choice = find_browser(str(path))
    assert (choice.kind, choice.value, choice.remote) == ("path", str(path), False)


def test_what_a_choice_says_of_itself_holds_no_key() -> None:
    """A rented browser's address has the customer's key in it."""
    choice = find_browser("wss://user:word@rented.example/play?token=KEY123")
    assert choice.described == "the remote browser at rented.example"


@pytest.mark.parametrize("setting", ["/nowhere/chrome", "/etc/passwd", "chrom", "ftp://far"])
def test_what_cannot_be_started_is_refused(setting: str) -> None:
    """The message says what would do."""
    with pytest.raises(UsageError) as refused:
        find_browser(setting)
    assert "PIXELMINT_BROWSER" in refused.value.next_step


def test_a_plain_web_address_is_refused_with_the_right_spelling() -> None:
    """DevTools' own address is what people copy."""
    with pytest.raises(UsageError) as refused:
        find_browser("http://127.0.0.1:9222?key=KEY123")
    assert "cdp+http://" in refused.value.next_step
    assert "KEY123" not in refused.value.message


def test_playwrights_own_comes_first(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the version that Playwright was tested with."""
    monkeypatch.setattr(finding, "_LINUX", (str(program(bare.parent / "chromium")),))
    own = program(downloaded(bare))
    assert find_browser().value == str(own)


def test_without_a_window_the_one_that_has_none_comes_first(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs less than half; a person is shown the whole one."""
    whole, shell = program(tmp_path / "chromium"), program(tmp_path / "headless-shell")
    monkeypatch.setattr(finding, "_LINUX", (str(whole),))
    monkeypatch.setattr(finding, "_SHELL", (str(shell),))
    assert find_browser().value == str(shell)
    assert find_browser(visible=True).value == str(whole)
    own = program(downloaded(bare))
    assert find_browser().value == find_browser(visible=True).value == str(own)
    own_shell = program(downloaded(bare, "chromium-headless-shell"))
    assert find_browser().value == str(own_shell)
    assert find_browser(visible=True).value == str(own)


def test_one_that_does_not_start_is_passed_over(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stub that only says where to get one, or one that lacks a library, is no browser."""
    program(downloaded(bare), ends_with=127)
    stub, real = program(tmp_path / "stub", ends_with=1), program(tmp_path / "real")
    monkeypatch.setattr(finding, "_LINUX", (str(stub), str(tmp_path / "absent"), str(real)))
    assert find_browser(install=False).value == str(real)


def test_looking_only_installs_nothing(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor` looks; it does not download."""
    installers = Installers()
    monkeypatch.setattr(finding, "_run", installers)
    with pytest.raises(UsageError, match="no browser was found"):
        find_browser(install=False)
    assert installers.commands == []


def test_a_missing_browser_is_downloaded_and_told(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says so, and what came is what is used."""
    path = downloaded(bare)
    installers = Installers("install", brings={"playwright install": path})
    monkeypatch.setattr(finding, "_run", installers)
    said: list[str] = []
    assert find_browser(None, said.append).value == str(path)
    assert len(said) == len(installers.commands) == 1


@pytest.mark.parametrize(
    ("visible", "package", "shell_first", "packages"),
    [
        (False, "-y chromium-headless-shell\n", True, ["chromium-headless-shell"]),
        (False, "-y chromium\n", False, ["chromium-headless-shell", "chromium"]),
        (True, "-y chromium\n", False, ["chromium"]),
    ],
)
def test_where_the_download_does_not_do_the_systems_package_is_installed(
    bare: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    visible: bool,
    package: str,
    shell_first: bool,
    packages: list[str],
) -> None:
    """On Debian, with the right to; a failing `update` is no reason not to try."""
    whole, shell = tmp_path / "usr-bin-chromium", tmp_path / "usr-bin-shell"
    monkeypatch.setattr(finding, "_LINUX", (str(whole),))
    monkeypatch.setattr(finding, "_SHELL", (str(shell),))
    monkeypatch.setattr(finding, "_apt_prefix", list)
    installers = Installers(brings={package: shell if shell_first else whole})
    monkeypatch.setattr(finding, "_run", installers)
    said: list[str] = []
    wanted = str(shell if shell_first else whole)
    assert install_browser(said.append, visible=visible).value == wanted
    assert len(said) == 2
    assert [line.split()[-1] for line in installers.commands[1:]] == ["update", *packages]


@pytest.mark.parametrize(("prefix", "words"), [(None, "no right"), ([], "apt-get has no")])
def test_when_all_fails_the_error_says_what_was_tried_and_what_to_do(
    bare: Path, monkeypatch: pytest.MonkeyPatch, prefix: list[str] | None, words: str
) -> None:
    """Both ways are named, and the two that are left to the person."""
    monkeypatch.setattr(finding, "_apt_prefix", lambda: prefix)
    monkeypatch.setattr(finding, "_run", Installers())
    with pytest.raises(UsageError) as refused:
        install_browser(lambda _: None)
    assert "download failed" in refused.value.message
    assert words in refused.value.message
    assert "PIXELMINT_BROWSER" in refused.value.next_step
    assert "playwright install" in refused.value.next_step


def test_apt_is_used_as_root_or_through_sudo_that_asks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where sudo would ask for a password it is not used: nobody may be there to type it."""
    monkeypatch.setattr(finding.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(finding.Path, "exists", lambda _: True)
    monkeypatch.setattr(finding.os, "geteuid", lambda: 0)
    as_root = finding._apt_prefix()
    assert as_root is not None and "sudo" not in " ".join(as_root)
    monkeypatch.setattr(finding.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(finding, "_run", Installers("sudo -n"))
    assert finding._apt_prefix()[:2] == ["/usr/bin/sudo", "-n"]
    monkeypatch.setattr(finding, "_run", Installers())
    assert finding._apt_prefix() is None
    monkeypatch.setattr(finding.shutil, "which", lambda name: None)
    assert finding._apt_prefix() is None


def test_a_program_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    """A browser that hangs on `--version` does not hang this program."""
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nexec sleep 60\n")
    hangs.chmod(0o700)
    assert finding._run([str(hangs)], limit_s=0.1) is False


def test_installing_prints_nothing_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    """Stdout is for results."""
    assert finding._run(["/bin/sh", "-c", "echo loud; exit 3"]) is False
    assert capfd.readouterr().out == ""
