from __future__ import annotations

import pytest

from tests.agents.postgres_process import postgres, programs


@pytest.fixture(scope="session")
def database():
    """A PostgreSQL server, started at the first use."""
    pytest.importorskip("psycopg_pool", reason="the optional packages of bethink[postgres] are not installed")
    pytest.importorskip(
        "langgraph.checkpoint.postgres", reason="the optional packages of bethink[postgres] are not installed"
    )
    if programs() is None:
        pytest.skip("there is no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def checkpoints(request):
    """Where the run state is kept: both, one after the other."""
    return "" if request.param == "sqlite" else request.getfixturevalue("database").address
