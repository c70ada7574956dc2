"""Jobs on PostgreSQL: many machines, of which any may die, freeze, or lose the database."""

from pathlib import Path

from tests.servers.postgres import Postgres
from tests.shared_jobs import three_workers


def test_a_killed_worker_a_frozen_one_and_a_restart_lose_nothing_and_double_nothing(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    """Every row done once and told once, none by a worker that had lost its account."""
    run = three_workers(postgres_server, tmp_path, rows=150, accounts=6)
    assert run.faults == []
