"""What the operator set: flag, then environment, then `.env` where we stand, then default.

Importing this module imports pydantic, which takes a fifth of a second: import it inside a command.
A console's own settings are a subclass in `flows`, handed to `load`; this module names no site.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from platformdirs import user_data_dir
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from automation.errors import UsageError
from automation.secret import Secret

PREFIX = "PIXELMINT_"
"""Every name in the environment or in `.env` that begins so must be a setting."""


def _origin(text: object) -> str:
    """Accept `https://host[:port]`, or plain http on loopback; never repeat the text."""
    try:
        parts = urlsplit(str(text).strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if not host or parts.scheme not in ("https", "http"):
        raise ValueError("must be an origin such as https://example.com")
    if "@" in parts.netloc or parts.path not in ("", "/") or set("?#") & set(str(text)):
        raise ValueError("must be an origin: no user, path, query or fragment")
    if parts.scheme == "http" and not _loopback(host):
        raise ValueError("must begin with https:// (plain http on loopback alone)")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(given: object) -> object:
    """Split at white space; the same word twice counts once."""
    if isinstance(given, str):
        given = given.split()
    return tuple(dict.fromkeys(given)) if isinstance(given, list | tuple) else given


def _folder(given: object) -> Path:
    return Path(str(given)).expanduser().absolute()


def _secrets(given: object) -> object:
    """Split at white space, and let no part of it be seen."""
    words = _words([str(each) for each in given] if isinstance(given, list) else given)
    return tuple(secret(each) for each in words) if isinstance(words, tuple) else words


def secret(given: object) -> Secret:
    """Take in a text that must not be seen."""
    return given if isinstance(given, Secret) else Secret(str(given))


Origin = Annotated[str, BeforeValidator(_origin)]
"""`https://host[:port]` without a trailing slash."""


class Settings(BaseModel):
    """The settings every console shares; built once by the command line, then passed down."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    home: Annotated[Path, BeforeValidator(_folder)] = Field(
        default_factory=lambda: _folder(user_data_dir("pixelmint"))
    )
    """Absolute folder of escrow, sessions, local store and records. Not created here."""
    key: Annotated[Secret, BeforeValidator(secret)] | None = Field(default=None, repr=False)
    """What seals everything at rest; none means the key ring, or a file in `home`."""
    store: Annotated[tuple[str, ...], BeforeValidator(_words)] = ("local:",)
    """Store URLs, at least one, none twice."""
    database_url: str | None = Field(default=None, repr=False)
    """Where jobs and records are; none means SQLite in `home`. Never print it: passwords."""
    browser: str | None = None
    """Path, channel or address of the browser; none means that it is looked for."""
    headless: bool = True
    """False shows the browser. Signing in and guided runs show it anyway."""
    pace: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 5.0
    """Least seconds between two generations in one account."""
    patience: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    """Most seconds to wait for any one thing on a page."""
    metrics: Annotated[Path, BeforeValidator(_folder)] | None = None
    """File for Prometheus' textfile collector, written after each run; none means no metrics."""
    notify: Annotated[tuple[Secret, ...], BeforeValidator(_secrets)] = Field(default=(), repr=False)
    """Where one message a run goes, in apprise's form. They hold secrets."""

    taken_out: ClassVar[tuple[str, ...]] = ("key", "notify")
    """Fields whose variables no browser or other child may inherit."""


S = TypeVar("S", bound=Settings)


class _Given(NamedTuple):
    """One value on its way to a field."""

    value: object
    called: str
    """What the operator calls it: `--pace`, `PIXELMINT_PACE`, `PIXELMINT_PACE in .env`."""
    is_file: bool = False
    """Whether `value` is the path of a file that holds the value."""


def load(
    flags: Mapping[str, object],
    kind: type[S],
    *,
    environ: MutableMapping[str, str] = os.environ,
) -> S:
    """Gather the settings and check them all.

    Args:
        flags: by field name, e.g. `{"pace": 3, "store": ["local:"]}`; None and "" mean not given.
        kind: `Settings`, or a console's subclass of it.
        environ: the environment; tests hand in their own.

    Raises:
        UsageError: one message with every fault: unknown names with a suggestion, a name given
            both plainly and as `_FILE`, files that cannot be read, values that do not fit.

    Effect: takes what is secret out of `environ` (`Settings.taken_out`), so that no browser or
    other child inherits it.
    """
    given, faults = _gather(flags, kind, environ)
    settings: S | None = None
    try:
        settings = kind.model_validate({field: each.value for field, each in given.items()})
    except ValidationError as problem:
        faults += _explain(problem, given)
    # Raised out here: inside the `except` the error would carry pydantic's, which holds the input.
    if settings is None or faults:
        raise UsageError(
            "; ".join(faults), where="settings", next_step="correct this and run again"
        )
    return settings


def _gather(
    flags: Mapping[str, object], kind: type[Settings], environ: MutableMapping[str, str]
) -> tuple[dict[str, _Given], list[str]]:
    """Return what won for each field, and the faults met on the way."""
    fields = {PREFIX + field.upper(): field for field in kind.model_fields}
    won = {
        field: _Given(value, f"--{field.replace('_', '-')}")
        for field, value in flags.items()
        if value not in (None, "", (), [])
    }
    faults: list[str] = []
    for source, place in ((dict(environ), ""), (_dotenv(faults), " in .env")):
        faults += _unknown(source, fields, place)
        for name, field in fields.items():
            found = _find(name, source, place, faults)
            if found is not None and field not in won:
                won[field] = found
    for field in kind.taken_out:
        environ.pop(PREFIX + field.upper(), None)
    return _without_unreadable(won, faults), faults


def _dotenv(faults: list[str]) -> dict[str, str]:
    path = Path(".env")
    try:
        values = dotenv_values(path) if path.exists() else {}
    except (OSError, UnicodeDecodeError) as problem:
        faults.append(f".env cannot be read ({type(problem).__name__})")
        return {}
    return {name: value or "" for name, value in values.items()}


def _unknown(source: Mapping[str, str], fields: Mapping[str, str], place: str) -> Iterator[str]:
    names = [*fields, *(f"{each}_FILE" for each in fields)]
    for name in source:
        # Upper-cased, because `pixelmint_home` is a slip of somebody who meant us.
        if name.upper().startswith(PREFIX) and name not in names:
            # Without the prefix, which alone makes any two of them alike.
            rest = [each.removeprefix(PREFIX) for each in names]
            near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), rest, n=1)
            advice = f", did you mean {PREFIX}{near[0]}?" if near else ""
            yield f"{name}{place} is not a setting{advice}"


def _find(name: str, source: Mapping[str, str], place: str, faults: list[str]) -> _Given | None:
    """Return what one source says of one setting; an empty text says nothing."""
    plain, file = source.get(name), source.get(f"{name}_FILE")
    if plain and file:
        faults.append(f"{name} and {name}_FILE are both set{place}")
        return None
    if file:
        return _Given(file, f"{name}_FILE{place}", is_file=True)
    return _Given(plain, f"{name}{place}") if plain else None


def _without_unreadable(won: dict[str, _Given], faults: list[str]) -> dict[str, _Given]:
    """Put each file's content in the place of its path, and leave out what cannot be read."""
    read: dict[str, _Given] = {}
    for field, (value, called, is_file) in won.items():
        if not is_file:
            read[field] = _Given(value, called)
            continue
        try:
            text = Path(str(value)).expanduser().read_bytes().decode()
        except (OSError, ValueError) as problem:
            faults.append(f"{called}: the file cannot be read ({type(problem).__name__})")
            continue
        text = re.sub(r"\r?\n\Z", "", text)
        if text:
            read[field] = _Given(text, called)
        else:  # an empty key file must not lead to a new key
            faults.append(f"{called}: the file is empty")
    return read


def _explain(problem: ValidationError, given: Mapping[str, _Given]) -> Iterator[str]:
    """Say what does not fit, by the name the operator used, without the value."""
    for each in problem.errors(include_url=False, include_context=False, include_input=False):
        field = str(each["loc"][0]) if each["loc"] else ""
        called = given[field].called if field in given else f"--{field.replace('_', '-')}"
        message = each["msg"].removeprefix("Value error, ").replace("Input should", "should")
        yield f"{called} {message}"
