"""What each service holds of one pixel: every token, current or not, to be counted."""

from typing import Any

from automation.stores import NotStored, Ref


def versions(store: Any, ref: Ref) -> list[str]:
    """Return the text of every version the service has; read behind the store's back."""
    return list(_READERS[store.name](store, ref))


def _vault(store: Any, ref: Ref) -> list[str]:
    mount, path = store._split(store.where(ref))
    kv = store._signed_in().secrets.kv.v2
    found = [
        kv.read_secret_version(path, number, mount, raise_on_deleted_version=False)
        for number in kv.read_secret_metadata(path, mount)["data"]["versions"]
    ]
    return [each["data"]["data"]["token"] for each in found]


def _aws_sm(store: Any, ref: Ref) -> list[str]:
    place = store.where(ref)
    return [
        store._client.get_secret_value(SecretId=place, VersionId=id)["SecretString"]
        for id in store._versions(place)
    ]


def _aws_ssm(store: Any, ref: Ref) -> list[str]:
    asked = {"Name": store.where(ref), "WithDecryption": True}
    pages = store._client.get_paginator("get_parameter_history").paginate(**asked)
    return [each["Value"] for page in pages for each in page["Parameters"]]


def _azure(store: Any, ref: Ref) -> list[str]:
    client, name = store._reach(store.where(ref))
    versions = client.list_properties_of_secret_versions(name)
    return [client.get_secret(name, each.version).value for each in versions]


def _gcp(store: Any, ref: Ref) -> list[str]:
    name = store._name(store.where(ref))
    versions = store._client.list_secret_versions(parent=name)
    found = [store._client.access_secret_version(name=each.name) for each in versions]
    return [each.payload.data.decode() for each in found]


def _the_one(store: Any, ref: Ref) -> list[str]:
    """A service without versions has the current one."""
    try:
        return [store.get(ref).reveal()]
    except NotStored:
        return []


_READERS = {
    "vault": _vault,
    "aws-sm": _aws_sm,
    "aws-ssm": _aws_ssm,
    "azure-kv": _azure,
    "gcp-sm": _gcp,
    "keyring": _the_one,
    "command": _the_one,
}
