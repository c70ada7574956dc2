"""What the help of each command shows at its end."""

import typer

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("pixelmint demo", "pixelmint demo --hostile"),
    "sign-in": (
        "pixelmint sign-in",
        "pixelmint sign-in --profile ann --import state.json",
        "pixelmint sign-in --to upstack",
    ),
    "pixels": (
        "pixelmint pixels",
        "pixelmint pixels --account 7654321098765432109 --json",
    ),
    "generate": (
        "pixelmint generate D69ESQRC77U0KGAU8B90 --dry-run",
        "pixelmint generate D69ESQRC77U0KGAU8B90 --account 7654321098765432109",
        "pixelmint generate D69ESQRC77U0KGAU8B90 --store 'dotenv:.env?name=TOKEN'",
        "pixelmint generate - --json < pixels.txt",
    ),
    "provision": (
        "pixelmint provision list.csv --dry-run",
        "pixelmint provision list.csv --jobs 4",
        "pixelmint pixels --json | pixelmint provision -",
    ),
    "rotate": (
        "pixelmint rotate --dry-run",
        "pixelmint rotate --older-than 30d --window '02:00-05:00 Europe/Berlin'",
        "pixelmint rotate --pixel D69ESQRC77U0KGAU8B90",
    ),
    "schedule": (
        "pixelmint schedule --cron '30 2 * * *' --older-than 30d",
        "pixelmint schedule --print systemd --to units",
    ),
    "worker": ("pixelmint worker --jobs 4",),
    "rekey": ("pixelmint rekey", "pixelmint rekey --to new.key"),
    "backup": ("pixelmint backup pixelmint.backup",),
    "restore": ("pixelmint restore pixelmint.backup",),
    "verify": (
        "pixelmint verify D69ESQRC77U0KGAU8B90",
        "pixelmint verify D69ESQRC77U0KGAU8B90 --test-event-code TEST12345",
    ),
    "deliver": (
        "pixelmint deliver D69ESQRC77U0KGAU8B90 --to upstack",
        "pixelmint deliver D69ESQRC77U0KGAU8B90 --to webhook:https://example.com/hook",
    ),
    "token": (
        "pixelmint token D69ESQRC77U0KGAU8B90",
        "pixelmint token D69ESQRC77U0KGAU8B90 | wl-copy",
    ),
    "status": ("pixelmint status", "pixelmint status --json | jq -r .fingerprint"),
    "report": ("pixelmint report", "pixelmint report --html report.html"),
    "recover": ("pixelmint recover",),
    "record": (
        "pixelmint record screens --redact 'Harbour Lamp Co'",
        "pixelmint record screens --pixel D69ESQRC77U0KGAU8B90",
    ),
    "doctor": (
        "pixelmint doctor",
        "pixelmint doctor --pixel D69ESQRC77U0KGAU8B90 --save screens",
    ),
}
"""By command; each is one that can be typed as it stands."""


def add_to(app: typer.Typer) -> None:
    """Put them below the help of the commands that are there by now."""
    for each in app.registered_commands:
        name = str(each.name or getattr(each.callback, "__name__", ""))
        if examples := EXAMPLES.get(name):
            lines = "\n".join(f"  {line}" for line in examples)
            each.epilog = f"\b\nExamples:\n{lines}" + (f"\n\n{each.epilog}" if each.epilog else "")
