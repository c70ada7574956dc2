"""Sealing with age, and where the key comes from.

age, because its format is public: writing needs only the public key, and whoever holds the key
can open a file with the `age` program when pixelmint is gone.
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyrage
from filelock import FileLock

from automation.errors import EscrowFailed, UsageError
from automation.files import private_folder, write_private
from automation.secret import Secret

NEXT = "key.next"
"""In the home, while the key is changed: the new one."""
KEYRING = "the OS keyring"
"""A sealer's source where its key is there."""
_SERVICE = "pixelmint"
_PATIENCE_S = 30
_KEYRINGS = ("SecretService", "macOS", "Windows", "kwallet", "libsecret")
"""Keyring backends that keep a key encrypted; `keyrings.alt`, which does not, is not among them."""


class Sealer:
    """Seals bytes for one key, together with what they are about."""

    def __init__(
        self,
        identity: pyrage.x25519.Identity,
        source: str,
        other: pyrage.x25519.Identity | None = None,
    ) -> None:
        """Seal with one X25519 identity, and open with it.

        Args:
            identity: the private key.
            source: where it came from, for `doctor`: a variable, a keyring or a file.
            other: opens too, while a change of keys is on its way.
        """
        self.identities = [identity] if other is None else [identity, other]
        self._recipient = identity.to_public()
        self.source = source

    def seal(self, kind: str, about: Mapping[str, str], body: bytes) -> bytes:
        """Encrypt `body` together with its kind and what it is about."""
        head = json.dumps({"kind": kind, "about": dict(about)}, sort_keys=True).encode()
        sealed: bytes = pyrage.encrypt(head + b"\n" + body, [self._recipient])
        return sealed

    def open(self, blob: bytes, kind: str, about: Mapping[str, str]) -> bytes:
        """Decrypt, and check that this is what it is taken for.

        Args:
            blob: what `seal` returned.
            kind: as given to `seal`.
            about: pairs that must be inside with the same values; more may be inside.

        Raises:
            UsageError: another key sealed it, it is damaged, or it is about something else.
        """
        inside, body = self.open_any(blob, kind)
        wrong = [name for name, value in about.items() if inside.get(name) != value]
        if wrong:
            raise UsageError(
                f"a sealed {kind} is about another {' and '.join(wrong)} than its file name says",
                next_step="put the file back where it was written, or delete it",
            )
        return body

    @property
    def recipient(self) -> str:
        """The public half of the key that seals."""
        return str(self._recipient)

    def open_any(self, blob: bytes, kind: str) -> tuple[dict[str, str], bytes]:
        """Decrypt and return what is inside: what it is about, and the body."""
        try:
            head, _, body = pyrage.decrypt(blob, self.identities).partition(b"\n")
            inside: dict[str, Any] = json.loads(head)
            about: dict[str, str] = inside["about"]
            found: str = inside["kind"]
        except (pyrage.DecryptError, ValueError, KeyError, TypeError):
            raise UsageError(
                f"a sealed {kind} cannot be opened: another key sealed it, or it is damaged",
                next_step="give the key it was sealed with in PIXELMINT_KEY or PIXELMINT_KEY_FILE",
            ) from None
        if found != kind:
            raise UsageError(f"a sealed {found} stands where a {kind} should be")
        return about, body


def open_sealer(home: Path, given: Secret | None = None, *, create: bool = True) -> Sealer:
    """Return the sealer of this home folder, making a key on first use.

    The public half stands in `recipient`, so that a key that is missing or wrong is noticed
    before anything is sealed with another.

    Args:
        home: PIXELMINT_HOME.
        given: PIXELMINT_KEY; an age identity, or the text of a file `age-keygen` wrote.
        create: make a key where there is none and nothing was ever sealed.

    Raises:
        UsageError: the key is malformed, missing or not the one this home was sealed with.
        EscrowFailed: the folder or the key cannot be written.
    """
    if _expected(home) or not create:
        return _open(home, given, create=create)
    # Of several processes that open a new home at once, one makes the key that all then use.
    try:
        with FileLock(private_folder(home) / ".key.lock", timeout=_PATIENCE_S, mode=0o600):
            return _open(home, given, create=create)
    except OSError as problem:  # filelock's time-out is one too
        raise _unwritable(home, problem) from None


def _open(home: Path, given: Secret | None, *, create: bool) -> Sealer:
    expected = _expected(home)
    kept = found_sealer(home, given)
    if kept is None and (expected or not create):
        raise UsageError(
            f"the key that sealed {home} is missing",
            next_step="put the key file back, or give the key in PIXELMINT_KEY; without it "
            "what is sealed there cannot be opened",
        )
    sealer = kept or _create(home)
    sealer = _between_keys(home, sealer, expected)
    recipient = sealer.recipient
    if expected and expected != recipient:
        raise UsageError(
            f"the key from {sealer.source} is not the one that sealed {home}",
            next_step="give the right key in PIXELMINT_KEY, or use another PIXELMINT_HOME",
        )
    if not expected:
        _write(home, "recipient", recipient)
    return sealer


def found_sealer(home: Path, given: Secret | None) -> Sealer | None:
    """Return the sealer of the key that is there, whatever was sealed; None where there is none."""
    if given is not None:
        return Sealer(_parse(given, "PIXELMINT_KEY"), "PIXELMINT_KEY")
    return _from_keyring(home) or _from_file(home)


def next_key(home: Path) -> pyrage.x25519.Identity | None:
    """Return the key a home is on its way to, or None; see `automation.rekey`."""
    path = home / NEXT
    try:
        text = Secret(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"the key file {path} cannot be read ({_name(problem)})") from None
    return _parse(text, str(path))


def _between_keys(home: Path, sealer: Sealer, expected: str) -> Sealer:
    """While keys are changed some files are sealed by one and some by the other."""
    following = next_key(home)
    if following is None:
        return sealer
    (kept,) = sealer.identities
    if expected == str(following.to_public()):
        return Sealer(following, sealer.source, kept)
    return Sealer(kept, sealer.source, following)


def _expected(home: Path) -> str:
    try:
        return (home / "recipient").read_text().strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"{home / 'recipient'} cannot be read ({_name(problem)})") from None


def _parse(text: Secret, source: str) -> pyrage.x25519.Identity:
    lines = [each.strip() for each in text.reveal().splitlines()]
    keys = [each for each in lines if each and not each.startswith("#")]
    with contextlib.suppress(pyrage.IdentityError):
        if len(keys) == 1:
            return pyrage.x25519.Identity.from_str(keys[0])
    raise UsageError(
        f"{source} is not an age identity (AGE-SECRET-KEY-1...)",
        next_step="make one with `age-keygen`, or leave it unset and one is made",
    )


def _from_file(home: Path) -> Sealer | None:
    path = home / "key"
    try:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        text = Secret(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"the key file {path} cannot be read ({_name(problem)})") from None
    return Sealer(_parse(text, str(path)), f"file {path}")


def _keyring() -> Any:
    """Return the keyring library when it is there with a backend that encrypts, else None."""
    try:
        import keyring  # an extra; without it the key lies in a file
    except ImportError:
        return None
    try:
        module = type(keyring.get_keyring()).__module__
    except Exception:  # a backend may raise anything while it looks for its service
        return None
    return keyring if module.rpartition(".")[2] in _KEYRINGS else None


def _from_keyring(home: Path) -> Sealer | None:
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        text = keyring.get_password(_SERVICE, str(home))
    except Exception:  # locked, no session bus, a person said no: the file is next
        return None
    if text is None:
        return None
    return Sealer(_parse(Secret(text), "the keyring"), KEYRING)


def to_keyring(home: Path, identity: pyrage.x25519.Identity) -> bool:
    """Put a home's key into the OS keyring; False where none encrypts, or it fails."""
    keyring = _keyring()
    if keyring is not None:
        with contextlib.suppress(Exception):  # as above: any trouble means a file is used
            keyring.set_password(_SERVICE, str(home), str(identity))
            return bool(keyring.get_password(_SERVICE, str(home)) == str(identity))
    return False


def _create(home: Path) -> Sealer:
    identity = pyrage.x25519.Identity.generate()
    if to_keyring(home, identity):
        return Sealer(identity, KEYRING)
    _write(home, "key", str(identity))
    return Sealer(identity, f"file {home / 'key'}")


def _write(home: Path, name: str, text: str) -> None:
    try:
        write_private(private_folder(home) / name, f"{text}\n".encode())
    except OSError as problem:
        raise _unwritable(home, problem) from None


def _unwritable(home: Path, problem: OSError) -> EscrowFailed:
    return EscrowFailed(
        f"{home} cannot be written ({_name(problem)})",
        next_step="free some space or make it writable, or set PIXELMINT_HOME to a folder that is",
    )


def _name(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or type(problem).__name__
