"""From a store's URL to the store: the one place that knows all their names."""

import difflib
import importlib
from pathlib import Path
from typing import NamedTuple, cast

from automation.errors import UsageError
from automation.stores.base import Sealing, Store

GROUP = "pixelmint.stores"
"""Entry-point group in which a package of someone else's names its store classes."""


class _BuiltIn(NamedTuple):
    target: str
    extra: str = ""
    """The extra that brings its library; empty where none is needed."""


_BUILT_IN = {
    "aws-sm": _BuiltIn("automation.stores.aws:SecretsManagerStore", "aws"),
    "aws-ssm": _BuiltIn("automation.stores.aws:ParameterStore", "aws"),
    "azure-kv": _BuiltIn("automation.stores.azure:KeyVaultStore", "azure"),
    "command": _BuiltIn("automation.stores.command:CommandStore"),
    "dotenv": _BuiltIn("automation.stores.dotenv:DotenvStore"),
    "gcp-sm": _BuiltIn("automation.stores.gcp:SecretManagerStore", "gcp"),
    "keyring": _BuiltIn("automation.stores.keyring:KeyringStore", "keyring"),
    "local": _BuiltIn("automation.stores.local:LocalStore"),
    "vault": _BuiltIn("automation.stores.vault:VaultStore", "vault"),
}


def open_store(url: str, *, home: Path, sealer: Sealing) -> Store:
    """Build the store a URL names; its module is imported now and not before.

    Raises:
        UsageError: no such store, two packages bring one of that name, its library is missing,
            or the URL is wrong.
    """
    scheme, colon, _ = url.partition(":")
    if not colon:
        # The URL is not repeated: without a scheme it may be anything, a pasted token included.
        raise UsageError(
            "a store is written as SCHEME:PLACE", where="store", next_step="e.g. local:"
        )
    return _find(scheme).open(url, home=home, sealer=sealer)


def _find(scheme: str) -> type[Store]:
    # Imported late: reading the metadata of every installed package is slow, and rarely needed.
    from importlib.metadata import entry_points

    plugins = {point.name: point for point in entry_points(group=GROUP)}
    packages = sorted(
        point.dist.name if point.dist else point.value
        for point in entry_points(group=GROUP, name=scheme)
    )
    owners = (["pixelmint"] if scheme in _BUILT_IN else []) + packages
    if len(owners) > 1:
        raise UsageError(
            f"{' and '.join(owners)} each bring a store of this name",
            where=scheme,
            next_step="uninstall one of them",
        )
    if scheme in _BUILT_IN:
        return _built_in(scheme, _BUILT_IN[scheme])
    if scheme in plugins:
        return _plugin(scheme, packages[0], plugins[scheme].value)
    known = sorted({*_BUILT_IN, *plugins})
    near = difflib.get_close_matches(scheme, known, n=1)
    raise UsageError(
        "no such store" + (f", did you mean {near[0]}:?" if near else ""),
        where=scheme[:30],
        next_step=f"use one of {', '.join(f'{each}:' for each in known)}",
    )


def _built_in(scheme: str, store: _BuiltIn) -> type[Store]:
    try:
        return _load(store.target)
    except ModuleNotFoundError as problem:
        if not store.extra or (problem.name or "").startswith("automation"):
            raise  # a fault of this program, not of the installation
    raise UsageError(
        f'install the "{store.extra}" extra',
        where=scheme,
        next_step=f"pip install 'pixelmint[{store.extra}]'",
    )


def _plugin(scheme: str, package: str, target: str) -> type[Store]:
    try:
        return _load(target)
    except Exception as problem:  # whatever a stranger's module does wrong, it is named here
        kind = type(problem).__name__
    raise UsageError(
        f"the store that {package} brings cannot be loaded ({kind})",
        where=scheme,
        next_step=f"repair or uninstall {package}",
    )


def _load(target: str) -> type[Store]:
    module, _, name = target.partition(":")
    return cast(type[Store], getattr(importlib.import_module(module), name))
