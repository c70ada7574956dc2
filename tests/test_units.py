"""Units for systemd, cron and Kubernetes: a linter of each takes them, odd arguments included."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from croniter import croniter

from automation.cron import parse
from automation.errors import UsageError
from automation.units import KINDS, Unit, files

ODD = ("rotate", "--window", "02:00-05:00 Europe/Berlin", "--deploy-hook", "/opt/my hook'$x%n;\"",
       "--older-than", "60d", "\\back", "")  # fmt: skip


def unit(*arguments: str, program: str = "/usr/bin/env", cron: str = "30 2 * * *") -> Unit:
    """Return a unit for some arguments."""
    parsed = parse(cron, "Europe/Berlin")
    odd = Path("/srv/pixel mint/100%")
    return Unit(parsed, (program, *arguments), odd, "daemon", writable=(odd,), folder=Path("/var"))


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 2 1 jan mon", "*/20 1-3 * * 1-5"])
@pytest.mark.parametrize("arguments", [("rotate",), ODD], ids=["plain", "odd"])
def test_systemd_verifies_them(tmp_path: Path, cron: str, arguments: tuple[str, ...]) -> None:
    """Without a word of complaint."""
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("no systemd-analyze here: apt-get install systemd")
    made = files("systemd", unit(*arguments, cron=cron))
    paths = [tmp_path / name for name in made]
    for path, text in zip(paths, made.values(), strict=True):
        path.write_text(text)
    asked = subprocess.run(
        [systemd, "verify", "--man=no", *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in asked.stderr.splitlines() if "pixelmint" in line]
    assert (asked.returncode, ours) == (0, [])


def test_systemd_verify_would_complain(tmp_path: Path) -> None:
    """Or the test above could not fail."""
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("no systemd-analyze here: apt-get install systemd")
    made = files("systemd", unit("rotate", program="/no/such"))
    path = tmp_path / "pixelmint-rotate.service"
    path.write_text(made[path.name])
    asked = subprocess.run(
        [systemd, "verify", "--man=no", path], capture_output=True, text=True, check=False
    )
    assert asked.returncode != 0 and "/no/such" in asked.stderr


def test_the_service_is_hardened_and_the_timer_is_told_what_to_do_with_a_missed_night() -> None:
    """As far as a browser allows."""
    made = files("systemd", unit("rotate"))
    service, timer = made["pixelmint-rotate.service"], made["pixelmint-rotate.timer"]
    for line in ("NoNewPrivileges=true", "ProtectSystem=strict", "UMask=0077", "LimitCORE=0",
                 "ExecStart=/usr/bin/env rotate", "Type=oneshot"):  # fmt: skip
        assert line in service.splitlines(), line
    for line in ("OnCalendar=*-*-* 02:30:00 Europe/Berlin", "Persistent=true",
                 "RandomizedDelaySec=300"):  # fmt: skip
        assert line in timer.splitlines(), line
    skipping = Unit(parse("@daily", "UTC"), ("/bin/true",), Path("/h"), "daemon", catch_up=False)
    assert "Persistent=false" in files("systemd", skipping)["pixelmint-rotate.timer"]


def test_arguments_reach_the_program_as_they_were_given(tmp_path: Path) -> None:
    """Through a shell, as cron starts it."""
    (text,) = files("cron", unit(*ODD, program="/usr/bin/printf")).values()
    line = text.splitlines()[-1]
    command = line.split(" && ", 1)[1].replace("\\%", "%")  # cron's own doing
    assert shlex.split(command) == ["/usr/bin/printf", *ODD]
    assert "%" in command and not re.search(r"(?<!\\)%", line)


@pytest.mark.parametrize("arguments", [("rotate",), ODD], ids=["plain", "odd"])
def test_cron_takes_its_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """By crontab(5): comments, settings, then five fields and a command; cron asked where it is."""
    (text,) = files("cron", unit(*arguments, cron="0 2 * jan 7")).values()
    assert text.endswith("\n")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    *settings, job = lines
    assert all(re.fullmatch(r"[A-Z_]+=\S.*", line) for line in settings), settings
    names = [line.partition("=")[0] for line in settings]
    assert {"PATH", "CRON_TZ", "PIXELMINT_HOME"} <= set(names)
    assert croniter.is_valid(" ".join(job.split()[:5])) and job.startswith(
        "0 2 * 1 0 cd /var && /usr/bin/env"
    )
    assert "MAILTO" in text
    crontab = shutil.which("crontab")
    if crontab is not None:
        path = tmp_path / "crontab"
        path.write_text(text)
        # Debian's cron says -n, others -T; whoever knows neither says "usage".
        for dry in ("-n", "-T"):
            asked = subprocess.run(
                [crontab, dry, path], capture_output=True, text=True, check=False
            )
            if "usage" not in asked.stderr:
                assert asked.returncode == 0, asked.stderr


@pytest.mark.parametrize("version", ["1.29", "1.36"])
@pytest.mark.parametrize("arguments", [("rotate",), ODD], ids=["plain", "odd"])
def test_kubernetes_schema_takes_them(version: str, arguments: tuple[str, ...]) -> None:
    """Strictly: a field it does not know is an error."""
    (text,) = files("kubernetes", unit(*arguments)).values()
    claim, job = yaml.safe_load_all(text)
    for each in (claim, job):
        kubernetes_validate.validate(each, version, strict=True)
    job["spec"]["concurrency"] = "Forbid"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, version, strict=True)
    assert job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"] == [
        *arguments
    ]


def test_the_pod_is_locked_up_and_its_key_comes_from_a_secret() -> None:
    """One at a time, nothing writable but the volume, the memory and the temporary folder."""
    (text,) = files("kubernetes", unit("rotate")).values()
    spec = list(yaml.safe_load_all(text))[1]["spec"]
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Europe/Berlin")
    pod: dict[str, Any] = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    environ = {each["name"]: each["value"] for each in container["env"]}
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert "secret" in volumes[mounts[environ["PIXELMINT_KEY_FILE"].rpartition("/")[0]]]
    assert "persistentVolumeClaim" in volumes[mounts["/data"]]
    assert environ["PIXELMINT_HOME"].startswith("/data/")
    assert volumes[mounts["/dev/shm"]]["emptyDir"]["medium"] == "Memory"


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_unit_can_carry_is_refused(kind: str) -> None:
    """A line break would begin a line of its own."""
    with pytest.raises(UsageError, match="line break"):
        files(kind, unit("rotate", "--x", "a\nExecStartPre=/bin/rm"))
