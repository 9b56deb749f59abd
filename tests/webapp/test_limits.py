"""Limits that follow from others."""

import resource

import pytest

from facerelief.webapp.server import serve
from facerelief.webapp.server.limits import Limits


def test_memory_goes_with_the_largest_body_and_photo() -> None:
    large = Limits(body=500 * 2**20, pixels=100_000_000)
    assert large.held >= 2 * large.body
    assert large.unsent >= 8 * large.pixels
    assert Limits(held=1000, unsent=2000).held == 1000


def test_one_client_has_the_same_share_of_fewer_connections() -> None:
    assert Limits(connections=512).client_connections == 128
    assert Limits(connections=512).with_connections(94) == Limits(connections=94, client_connections=23)
    assert Limits(connections=100, client_connections=100).with_connections(50).client_connections == 50
    assert Limits(connections=1).with_connections(1).client_connections == 1


def test_where_few_files_may_be_open_one_client_cannot_take_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 256))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: None)
    limits, _ = serve._fit_open_files(Limits())
    assert limits.connections < 128
    assert 1 <= limits.client_connections <= limits.connections // 4
