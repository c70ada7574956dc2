"""The demo against a console that behaves badly."""

from tests.flows_helpers import MakeUser

pytest_plugins = ["tests.flows_fixtures"]


def test_a_hostile_demo_accounts_for_every_token(make_user: MakeUser) -> None:
    """One row a pixel; each is stored or says why not; the seed that drew the faults is told."""
    user = make_user(signed_in=False)
    said = user.run("demo", "--hostile", "--seed", "4", "--json")
    assert said.code == 0, said
    assert "--seed 4" in said.err
    assert len(said.rows) == 8
    assert {each["outcome"] for each in said.rows} <= {"generated", "failed"}
    assert all(each["fingerprint"] for each in said.rows if each["outcome"] == "generated")
    assert all(each["error"]["code"] for each in said.rows if each["outcome"] == "failed")
