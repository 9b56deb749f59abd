"""A small version of `python benchmarks/load.py`: no wrong answers, also when the server is killed in the middle."""

import asyncio

import pytest
from load import load


def test_many_clients_and_a_killed_server() -> None:
    for package in ("starlette", "uvicorn", "httpx"):
        pytest.importorskip(package, exc_type=ImportError)
    outcome, rude = asyncio.run(load(clients=12, seconds=12, answers=24, rude=(16, 8, 1)))
    assert outcome.wrong == []
    for kind in ("valid", "invalid", "abandoned", "server away"):
        assert outcome.answered[kind] > 0, outcome.answered
    assert rude.sent_away["silent"] > 0
    assert rude.sent_away["writer"] > 0
    assert max(outcome.memory) < 1.5 * 2**30
