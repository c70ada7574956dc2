"""A store of somebody else's: the one that docs/stores.md works out, built, installed and used."""

import base64
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pyrage
import pytest

from automation.stores import open_store
from tests.store_contract import ROOT, Place, StoreContract, no_permission

KEY = str(pyrage.x25519.Identity.generate())


def _printed(kind: str) -> str:
    """Return the one block of a language that the page holds."""
    (block,) = re.findall(rf"```{kind}\n(.*?)```", (ROOT / "docs/stores.md").read_text(), re.S)
    return str(block)


def _wheel(folder: Path) -> Path:
    """Build the wheel as any build tool would: the module, its metadata and the list of both."""
    project = tomllib.loads(_printed("toml"))["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = f"{name}-{version}.dist-info"
    points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    files = {
        f"{name}.py": _printed("python"),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": points,
    }
    record = "".join(f"{path},{_hash(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed it into; the network is not asked."""
    folder = tmp_path_factory.mktemp("theirs")
    environment = dict(os.environ)
    if importlib.util.find_spec("pip") is None:  # Python brings one along to make environments
        import ensurepip

        (bundled,) = Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")
        environment["PYTHONPATH"] = str(bundled)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--disable-pip-version-check", f"--target={folder / 'site'}", str(_wheel(folder))]
    subprocess.run(command, check=True, env=environment)
    return folder / "site"


@pytest.fixture
def usable(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python finds it, here and in other processes."""
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setenv("PYTHONPATH", str(installed))


@pytest.mark.usefixtures("usable")
class TestTheirs(StoreContract):
    """The contract, by nothing but its URL."""

    times = 3

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        """A file that is not there yet."""
        folder = tmp_path / "base"
        folder.mkdir()
        return Place(
            f"sqlite:{folder}/tokens", tmp_path / "home", KEY, lambda: no_permission(folder)
        )

    def test_it_is_theirs(self, place: Place) -> None:
        """And not one of ours that happens to have its name."""
        store = open_store(place.url, home=place.home, sealer=None)  # type: ignore[arg-type]  # seals nothing
        assert type(store).__module__ == "pixelmint_sqlite"
