"""Units for the schedulers of others: systemd, cron, Kubernetes. No secret is ever in one."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automation.cron import Cron, calendars
from automation.errors import UsageError

KINDS = ("systemd", "cron", "kubernetes")
_NAME = "pixelmint-rotate"
_SAYS = "Renew the tokens that are due"
_SPREAD_S = 300
_KEY_FOLDER = "/run/secrets/pixelmint"
_DATA = "/data"

_SERVICE = """\
[Unit]
Description={says}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={command}{folder}
User={user}
Environment={home_is}
# Settings, and what must not be seen (PIXELMINT_KEY_FILE, PIXELMINT_NOTIFY), one a line, 0600:
EnvironmentFile=-/etc/pixelmint/environment
# A run takes as long as its tokens take; a stop lets the one in hand become safe.
TimeoutStartSec=infinity
TimeoutStopSec=10min
KillMode=mixed
UMask=0077
LimitCORE=0
NoNewPrivileges=true
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={writable}
PrivateTmp=true
PrivateDevices=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictRealtime=true
RestrictSUIDSGID=true
LockPersonality=true
# Not MemoryDenyWriteExecute nor RestrictNamespaces: the browser's scripts and sandbox need both.
"""

_TIMER = """\
[Unit]
Description={says}, at its times

[Timer]
{calendars}
RandomizedDelaySec={spread}
AccuracySec=1min
Persistent={persistent}

[Install]
WantedBy=timers.target
"""

_CRONTAB = """\
# {says}. The times are those of {zone}. CRON_TZ is heeded by cronie and by others, not by
# Debian's cron, which takes the machine's own zone: there, translate them, or use systemd.
SHELL=/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
# What a run says is mailed to:
# MAILTO=you@example.org
CRON_TZ={zone}
{home_is}
# PIXELMINT_KEY_FILE and PIXELMINT_NOTIFY_FILE may name files; secrets do not belong in here.
{text} {command}
"""


@dataclass(frozen=True)
class Unit:
    """What is to be run, when, and as whom."""

    cron: Cron
    command: tuple[str, ...]
    """The program's path and its arguments; none of them a secret."""
    home: Path
    """PIXELMINT_HOME."""
    user: str
    catch_up: bool = True
    writable: tuple[Path, ...] = ()
    """Further folders that a run writes to."""
    folder: Path | None = None
    """Where it is started, because a `.env` lies there; None where that does not matter."""


def files(kind: str, unit: Unit) -> dict[str, str]:
    """Return the files of one scheduler, by name.

    Args:
        kind: one of `KINDS`.
        unit: what they are for.

    Raises:
        UsageError: something in the command cannot be written there.
    """
    for each in (*unit.command, str(unit.home), *map(str, unit.writable), str(unit.folder or "")):
        if not each.isprintable():
            raise UsageError("an argument holds a line break or the like, which no unit can carry")
    return {"systemd": _systemd, "cron": _cron, "kubernetes": _kubernetes}[kind](unit)


def _systemd(unit: Unit) -> dict[str, str]:
    service = _SERVICE.format(
        says=_SAYS,
        command=" ".join([_word(unit.command[0]), *map(_argument, unit.command[1:])]),
        folder=f"\nWorkingDirectory={str(unit.folder).replace('%', '%%')}" if unit.folder else "",
        user=unit.user,
        home_is=_word(f"PIXELMINT_HOME={unit.home}"),
        writable=" ".join(_word(str(each)) for each in (unit.home, *unit.writable)),
    )
    timer = _TIMER.format(
        says=_SAYS,
        calendars="\n".join(f"OnCalendar={each}" for each in calendars(unit.cron)),
        spread=_SPREAD_S,
        persistent=str(unit.catch_up).lower(),
    )
    return {f"{_NAME}.service": service, f"{_NAME}.timer": timer}


def _word(text: str) -> str:
    """Write one word as systemd reads it: % begins a specifier, quotes and blanks need quoting."""
    text = text.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"')
    return f'"{text}"' if set(text) & set(" '\";\\") or not text else text


def _argument(text: str) -> str:
    return _word(text).replace("$", "$$")  # in ExecStart= alone, it begins a variable


def _cron(unit: Unit) -> dict[str, str]:
    return {
        f"{_NAME}.crontab": _CRONTAB.format(
            says=_SAYS,
            zone=unit.cron.zone.key,
            home_is=f"PIXELMINT_HOME={unit.home}",
            text=unit.cron.text,
            # An unquoted % ends the command there.
            command=_line(unit).replace("%", "\\%"),
        )
    }


def _line(unit: Unit) -> str:
    there = f"cd {shlex.quote(str(unit.folder))} && " if unit.folder else ""
    return there + shlex.join(unit.command)


_ABOUT_KUBERNETES = """\
# {says}.
# To be set: the image, one with pixelmint and a browser in it; the storage.
# The key: kubectl create secret generic pixelmint --from-file=key=FILE
# A session: sign in elsewhere, and bring it with `pixelmint sign-in --import FILE` into the volume.
"""


def _kubernetes(unit: Unit) -> dict[str, str]:
    import yaml

    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "pixelmint"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": _NAME},
        "spec": {
            "schedule": unit.cron.text,
            "timeZone": unit.cron.zone.key,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 6 * 3600 if unit.catch_up else 300,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 7,
            # What failed is due again in the next night, with its own back-off.
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": _pod(unit)}}},
        },
    }
    text = yaml.safe_dump_all([claim, job], sort_keys=False, width=100)
    return {f"{_NAME}.yaml": _ABOUT_KUBERNETES.format(says=_SAYS) + text}


def _pod(unit: Unit) -> dict[str, Any]:
    mounts = {"data": _DATA, "tmp": "/tmp", "shm": "/dev/shm", "key": _KEY_FOLDER}  # noqa: S108 -- the pod's own
    container = {
        "name": "pixelmint",
        "image": "registry.example/pixelmint:latest",
        "command": ["pixelmint"],
        "args": list(unit.command[1:]),
        "env": [
            # A folder in the volume: the volume's own belongs to root and cannot be made private.
            {"name": "PIXELMINT_HOME", "value": f"{_DATA}/home"},
            {"name": "PIXELMINT_KEY_FILE", "value": f"{_KEY_FOLDER}/key"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 -- the pod's own
        ],
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": name, "mountPath": path} | ({"readOnly": True} if name == "key" else {})
            for name, path in mounts.items()
        ],
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 600,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "fsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "pixelmint"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
            {"name": "key", "secret": {"secretName": "pixelmint", "defaultMode": 0o440}},
        ],
    }
