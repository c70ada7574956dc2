"""`aws-sm:NAME` and `aws-ssm:NAME` keep tokens in AWS Secrets Manager and Parameter Store.

The value is the token alone, so that an application reads it as it is. Secrets Manager knows a
version by the intent's id and keeps AWSCURRENT and AWSPREVIOUS itself; pixel and account are tags.
Parameter Store keeps all of it in each version's description.
"""

import functools
import json
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, Self

import boto3
from botocore import exceptions
from botocore.config import Config

from automation.errors import StoreFailed
from automation.secret import Secret
from automation.stores import remote
from automation.stores.base import NotStored, Ref, Sealing, Template, parse_url
from automation.stores.remote import About, Kept, RemoteStore, Trouble

_PIXEL, _ACCOUNT = "pixelmint:pixel", "pixelmint:account"
_REFUSED = (
    "AccessDenied",
    "UnrecognizedClient",
    "InvalidSignature",
    "ExpiredToken",
    "InvalidClient",
)


@functools.lru_cache(maxsize=2)
def _session(environment: tuple[tuple[str, str], ...]) -> Any:
    """Return AWS's session of an environment; one for all stores, because it is slow to make."""
    return boto3.Session(region_name=dict(environment).get("AWS_REGION") or None)


class _AwsStore(RemoteStore):
    """What both have in common: sign-in as AWS's own tools do it, and the words of failures."""

    service: ClassVar[str]
    allowed: ClassVar[str]
    said: ClassVar[str]
    talkative: ClassVar[tuple[str, ...]] = ("boto3", "botocore", "urllib3", "s3transfer")

    def __init__(self, place: str, key: str = "", *, url: str) -> None:
        """Use this name, and this KMS key instead of the account's own."""
        template = Template(place, url=url)
        remote.refuse_odd_name(template, self.allowed, url, self.said)
        super().__init__(template, url=url)
        self._key = (
            {"KmsKeyId" if self.service == "secretsmanager" else "KeyId": key} if key else {}
        )
        self._made: Any = None

    @classmethod
    def open(cls, url: str, *, home: Path, sealer: Sealing) -> Self:
        """Build from `SCHEME:NAME?key=KMS_KEY`."""
        place, options = parse_url(url, "key")
        return cls(place, options.get("key", ""), url=url)

    @property
    def _client(self) -> Any:
        """The client; made on first use, because finding credentials may ask the network."""
        if self._made is None:
            environment = {n: v for n, v in os.environ.items() if n.startswith("AWS_")}
            session = _session(tuple(sorted(environment.items())))
            missing = [] if session.region_name else ["AWS_REGION"]
            if session.get_credentials() is None:
                missing.append("AWS_ACCESS_KEY_ID (or any other credentials AWS's tools find)")
            remote.refuse_missing(self.name, missing, "set it, or run `aws configure`")
            config = Config(
                connect_timeout=remote.LIMIT_S / 2,
                read_timeout=remote.LIMIT_S,
                # No second try of its own: a write that may have happened is looked up first.
                retries={"total_max_attempts": 1},
            )
            self._made = session.client(self.service, config=config)
        return self._made

    def _asked(self, call: str, absent: str, **arguments: Any) -> Any:
        """Call the service; None where it answers with the error named `absent`."""
        try:
            return getattr(self._client, call)(**arguments)
        except exceptions.ClientError as problem:
            if problem.response["Error"]["Code"] != absent:
                raise
        return None

    def _explain(self, problem: Exception) -> Trouble:
        if isinstance(problem, exceptions.ClientError):
            code = problem.response["Error"]["Code"]
            if code.startswith(_REFUSED):
                return Trouble(code, "correct the credentials or the IAM policy")
            return Trouble(code, "see what AWS says of this error")
        kind = type(problem).__name__
        if isinstance(problem, exceptions.ConnectTimeoutError | exceptions.ReadTimeoutError):
            kind = "no answer in time"
        return Trouble(kind, "see that the region is right and AWS can be reached")


class SecretsManagerStore(_AwsStore):
    """One secret a pixel, every token a version of it."""

    name: ClassVar[str] = "aws-sm"
    service: ClassVar[str] = "secretsmanager"
    allowed: ClassVar[str] = r"[A-Za-z0-9/_+=.@-]{1,512}"
    said: ClassVar[str] = "letters, digits and /_+=.@-"

    def _prove(self) -> None:
        """Look at a sample's secret and try to write a version where there is none to be one of.

        AWS decides whether it is allowed before it says that there is no such secret. Where the
        URL names one secret for all, only the look is taken: the rest cannot be known.
        """
        place = self._place(remote.SAMPLE)
        if self._look(place) is None:
            self._asked(
                "put_secret_value", "ResourceNotFoundException",
                SecretId=place, SecretString="-", ClientRequestToken=remote.digest("check"),
            )  # fmt: skip

    def _known_as(self, intent: str) -> str:
        """Return the version's id: the intent's where AWS takes it, 32 to 64 characters."""
        return intent if re.fullmatch(r"[\w.-]{32,64}", intent, re.ASCII) else remote.digest(intent)

    def _look(self, place: str) -> Kept | None:
        absent = "ResourceNotFoundException"
        about = self._asked("describe_secret", absent, SecretId=place)
        if about is None:
            return None
        if about.get("DeletedDate"):
            raise StoreFailed(
                "the secret is scheduled for deletion",
                where=f"{self.url} {place}",
                next_step="run `aws secretsmanager restore-secret`, then `pixelmint recover`",
            )
        tags = {each["Key"]: each["Value"] for each in about.get("Tags", [])}
        value = (
            self._asked("get_secret_value", absent, SecretId=place, VersionStage="AWSCURRENT") or {}
        )
        token = value.get("SecretString")
        return Kept(
            Secret(token) if token else None,
            tags.get(_PIXEL, ""),
            tags.get(_ACCOUNT, ""),
            value.get("VersionId", ""),
            mark=tags,
        )

    def _earlier(self, place: str, kept: Kept) -> Collection[str]:
        return {id for id, stages in self._versions(place).items() if "AWSPENDING" not in stages}

    def _versions(self, place: str) -> dict[str, list[str]]:
        """Return the stages of every version that AWS still has."""
        stages: dict[str, list[str]] = {}
        more: dict[str, str] = {}
        while True:
            page = self._client.list_secret_version_ids(
                SecretId=place, IncludeDeprecated=True, MaxResults=100, **more
            )
            stages |= {
                each["VersionId"]: each.get("VersionStages", []) for each in page["Versions"]
            }
            if not page.get("NextToken"):
                return stages
            more = {"NextToken": page["NextToken"]}

    def _write(self, place: str, kept: Kept | None, text: str, about: About) -> bool:
        if kept is None:
            made = self._asked(
                "create_secret", "ResourceExistsException",
                Name=place, SecretString=text, ClientRequestToken=about.intent,
                Tags=_tags(about), **self._key,
            )  # fmt: skip
            return made is not None
        self._claim(place, kept, about)
        if about.intent in self._versions(place):  # laid there as pending before
            self._make_current(place, about.intent)
        else:
            self._client.put_secret_value(
                SecretId=place, SecretString=text, ClientRequestToken=about.intent
            )
        return True

    def _claim(self, place: str, kept: Kept, about: About) -> None:
        """Tag the secret with its pixel and account, where the tags do not say so yet."""
        tags = _tags(about)
        if any(kept.mark.get(each["Key"]) != each["Value"] for each in tags):
            self._client.tag_resource(SecretId=place, Tags=tags)

    def put_pending(self, ref: Ref, token: Secret, *, intent: str) -> None:
        """Lay a token beside the current one, as AWSPENDING."""
        place = self._place(ref)
        self._told("token not written", lambda: self._put_pending(place, ref, token, intent))

    def _put_pending(self, place: str, ref: Ref, token: Secret, intent: str) -> None:
        kept, known_as = self._look(place), self._known_as(intent)
        if kept is None or kept.token is None:
            raise NotStored("nothing to renew here", where=f"{self.url} {place}")
        self._refuse_foreign(kept, ref, place)
        if known_as not in self._versions(place):
            self._client.put_secret_value(
                SecretId=place, SecretString=token.reveal(), ClientRequestToken=known_as,
                VersionStages=["AWSPENDING"],
            )  # fmt: skip

    def promote(self, ref: Ref, *, intent: str) -> None:
        """Move AWSCURRENT to the token of this intent; the one before is AWSPREVIOUS."""
        place, known_as = self._place(ref), self._known_as(intent)
        self._told("token not made current", lambda: self._make_current(place, known_as))

    def _make_current(self, place: str, known_as: str) -> None:
        stages = self._versions(place)
        if known_as not in stages:
            raise StoreFailed("no token of this intent here", where=f"{self.url} {place}")
        current = [id for id, each in stages.items() if "AWSCURRENT" in each]
        if current != [known_as] and "AWSPENDING" not in stages[known_as]:
            raise StoreFailed(
                "this token was replaced here since", where=f"{self.url} {place}"
            )  # a late repeat must not undo that
        if current != [known_as]:
            self._client.update_secret_version_stage(
                SecretId=place, VersionStage="AWSCURRENT", MoveToVersionId=known_as,
                **({"RemoveFromVersionId": current[0]} if current else {}),
            )  # fmt: skip
        if "AWSPENDING" in stages[known_as]:
            self._client.update_secret_version_stage(
                SecretId=place, VersionStage="AWSPENDING", RemoveFromVersionId=known_as
            )


def _tags(about: About) -> list[dict[str, str]]:
    return [
        {"Key": _PIXEL, "Value": about.pixel},
        *([{"Key": _ACCOUNT, "Value": about.account}] if about.account else []),
    ]


class ParameterStore(_AwsStore):
    """One SecureString a pixel, every token a version of it."""

    name: ClassVar[str] = "aws-ssm"
    service: ClassVar[str] = "ssm"
    allowed: ClassVar[str] = r"(?:/[A-Za-z0-9_.-]+)+|[A-Za-z0-9_.-]+"
    said: ClassVar[str] = "letters, digits and _.-, parts each led by a slash: /team/{pixel}"

    def _prove(self) -> None:
        """Look at a sample's parameter: AWS has no way to ask whether it may be written."""
        self._look(self._place(remote.SAMPLE))

    def _look(self, place: str) -> Kept | None:
        found = self._asked("get_parameter", "ParameterNotFound", Name=place, WithDecryption=True)
        if found is None:
            return None
        parameter = found["Parameter"]
        if parameter["Type"] != "SecureString":
            raise StoreFailed(
                "the parameter is no SecureString, and AWS cannot make it one",
                where=f"{self.url} {place}",
                next_step="delete it or name another, then run `pixelmint recover`",
            )
        pages = self._client.get_paginator("get_parameter_history").paginate(Name=place)
        history = [each for page in pages for each in page["Parameters"]]
        told = [
            _said(each) for each in reversed(history) if each["Version"] <= parameter["Version"]
        ]
        newest, *older = told or [{}]
        mark = {"KeyId": history[-1]["KeyId"]} if history and history[-1].get("KeyId") else {}
        before = tuple(each.get("intent", "") for each in older)
        return Kept.labelled(parameter["Value"], newest, before=before, mark=mark)

    def _write(self, place: str, kept: Kept | None, text: str, about: About) -> bool:
        described = {each: getattr(about, each) for each in about._fields if each != "before"}
        # Without its key a new version would fall back to the account's own.
        key = self._key or (kept.mark if kept else {})
        put = self._asked(
            "put_parameter", "ParameterAlreadyExists",
            Name=place, Value=text, Type="SecureString", Overwrite=kept is not None,
            Description=json.dumps({"pixelmint": described}), **key,
        )  # fmt: skip
        return put is not None


def _said(version: dict[str, Any]) -> dict[str, str]:
    """Return what a version's description says; nothing where somebody else wrote it."""
    try:
        told = json.loads(version.get("Description", ""))["pixelmint"]
        return {each: str(told[each]) for each in told}
    except (ValueError, KeyError, TypeError):
        return {}
