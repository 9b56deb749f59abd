"""Who may ask, and how often: host names, the token, clients behind proxies, and the metrics."""

import asyncio
from typing import Any

import httpx
import pytest
from webapp_app import Client, SlowService, until

from facerelief.errors import FacereliefError
from facerelief.webapp.access import Access, RateLimiter
from facerelief.webapp.app import create_app
from facerelief.webapp.server.addresses import is_local, networks_of, within
from facerelief.webapp.server.limits import Limits

PUBLIC = {"hosts": {"localhost", "127.0.0.1", "machine", "faces.example"}, "addresses": True}
PATHS = ("/", "/api", "/health", "/openapi.json", "/v1/triangles", "/metrics", "/v1/edit", "/static/app.js")
OPEN = {"/", "/api", "/health", "/openapi.json", "/static/app.js"}


class Menu(SlowService):
    def triangles(self) -> dict[str, Any]:
        return {"face": []}


def ask(
    access: Access, *requests: dict[str, Any], peer: str = "127.0.0.1", limits: Limits | None = None
) -> list[httpx.Response]:
    """Answers to requests, of `path` and `headers`, one after another."""
    app = create_app(lambda **_: Menu(), limits or Limits(), access)  # type: ignore[arg-type,return-value]

    async def all_of_them() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, client=(peer, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
            return [await client.get(one.get("path", "/v1/triangles"), headers=one.get("headers")) for one in requests]

    return asyncio.run(all_of_them())


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"]) if answer.is_error else "ok"


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("faces.example", True),
        ("FACES.example:8080", True),
        ("192.168.1.7:7860", True),
        ("[fe80::1]:7860", True),
        ("127.0.0.1", True),
        ("machine:7860", True),
        ("evil.example", False),
        ("192.168.1.7.evil.example", False),
        ("faces.example.", False),
        ("0x7f.1", False),
        ("", False),
    ],
)
def test_where_others_may_ask_only_addresses_and_known_names_are_served(host: str, served: bool) -> None:
    (answer,) = ask(Access(**PUBLIC), {"headers": {"Host": host}}, peer="192.168.1.9")
    assert code(answer) == ("ok" if served else "forbidden")
    if not served:
        assert answer.json()["error"]["remedy"] == "add it with --allow-host"


def test_this_machines_server_goes_by_no_other_address() -> None:
    (answer,) = ask(Access({"127.0.0.1"}), {"headers": {"Host": "192.168.1.7"}})
    assert code(answer) == "forbidden"


def test_with_a_token_only_the_page_itself_is_open() -> None:
    access = Access(None, token="secret")
    answers = ask(access, *({"path": path} for path in PATHS))
    refused = {path for path, answer in zip(PATHS, answers, strict=True) if answer.status_code == 401}
    assert refused == set(PATHS) - OPEN
    for path, answer in zip(PATHS, answers, strict=True):
        if path in refused:
            assert answer.headers["www-authenticate"] == "Bearer"
            assert code(answer) == "unauthorized"


@pytest.mark.parametrize(
    ("header", "right"),
    [
        ("Bearer secret", True),
        ("bearer  secret ", True),
        ("Bearer secre", False),
        ("Bearer secrets", False),
        ("Bearer SECRET", False),
        ("Bearer ", False),
        ("Basic secret", False),
        ("secret", False),
        ("Bearer s\xe9cret", False),
    ],
)
def test_the_token_must_be_right(header: str, right: bool) -> None:
    headers = {"Authorization": header.encode("latin-1")}
    (answer,) = ask(Access(None, token="secret"), {"headers": headers})
    assert code(answer) == ("ok" if right else "unauthorized")
    assert "secret" not in answer.text


def test_metrics_without_a_token_are_for_this_machine_alone() -> None:
    for peer, headers, served in (
        ("127.0.0.1", {}, True),
        ("::1", {"Host": "localhost:7860"}, True),
        ("192.168.1.9", {}, False),
        ("192.168.1.9", {"Host": "localhost"}, False),
        ("127.0.0.1", {"Host": "faces.example"}, False),  # through a proxy on this machine
        ("127.0.0.1", {"X-Forwarded-For": "8.8.8.8"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
    ):
        (answer,) = ask(Access(**PUBLIC), {"path": "/metrics", "headers": headers}, peer=peer)
        assert code(answer) == ("ok" if served else "forbidden"), (peer, headers)
    bearer = {"path": "/metrics", "headers": {"Authorization": "Bearer secret", "Host": "10.0.0.1"}}
    (answer,) = ask(Access(**PUBLIC, token="secret"), bearer, peer="192.168.1.9")
    assert "facerelief_connections" in answer.text


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("8.8.8.8", [], "8.8.8.8"),
        ("8.8.8.8", ["1.1.1.1"], "8.8.8.8"),  # nobody's proxy: what it says counts for nothing
        ("10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["9.9.9.9, 1.1.1.1"], "1.1.1.1"),  # the client wrote the first
        ("10.0.0.1", ["9.9.9.9", "1.1.1.1, 10.0.0.2"], "1.1.1.1"),
        ("10.0.0.1", ["1.1.1.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.7:51234"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7:51234, 10.0.0.2:80"], "203.0.113.7"),
        ("10.0.0.1", ["[2001:db8::1]:443"], "2001:db8::/64"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::/64"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::/64"),
        ("10.0.0.1", ["1.1.1.1, nonsense:80"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["::ffff:1.1.1.1"], "1.1.1.1"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
    ],
)
def test_clients_behind_proxies(peer: str, forwarded: list[str], client: str) -> None:
    access = Access(proxies=networks_of(["10.0.0.0/8"]))
    scope = {"client": (peer, 1), "headers": [(b"x-forwarded-for", line.encode()) for line in forwarded]}
    assert access.client(scope) == client


def test_a_client_that_asks_too_often_waits_and_others_do_not() -> None:
    access = Access(None, proxies=networks_of(["127.0.0.1"]))

    def by(client: str, count: int) -> list[dict[str, Any]]:
        return [{"headers": {"X-Forwarded-For": client}}] * count

    answers = ask(access, *by("1.1.1.1", 4), *by("2.2.2.2", 1), limits=Limits(rate=3))
    assert [code(answer) for answer in answers] == ["ok"] * 3 + ["rate_limited", "ok"]
    assert answers[3].status_code == 429
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    page = ask(access, *({"path": "/", **one} for one in by("1.1.1.1", 9)), limits=Limits(rate=3))
    assert {answer.status_code for answer in page} == {200}  # the page itself costs nothing


def test_requests_come_back_over_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("facerelief.webapp.access.time.monotonic", lambda: now)
    rates = RateLimiter(30)
    assert [rates.wait_s("a") for _ in range(30)] == [0.0] * 30
    assert rates.wait_s("a") == pytest.approx(2.0)
    now += 1.5
    assert rates.wait_s("a") == pytest.approx(0.5)
    now += 0.5
    assert rates.wait_s("a") == 0.0
    now += 3600
    assert [rates.wait_s("a") > 0 for _ in range(31)] == [False] * 30 + [True]
    assert not any(RateLimiter(0).wait_s("a") for _ in range(1000))


@pytest.mark.parametrize("path", ["/v1/triangles", "/metrics"])
def test_wrong_tokens_count_as_requests(path: str) -> None:
    wrong = {"path": path, "headers": {"Authorization": "Bearer guess"}}
    answers = ask(Access(None, token="secret"), *[wrong] * 5, limits=Limits(rate=3))
    assert [code(answer) for answer in answers] == ["unauthorized"] * 3 + ["rate_limited"] * 2


def test_one_client_takes_its_share_of_places_only() -> None:
    service = SlowService()
    access = Access({"localhost"}, proxies=networks_of(["10.0.0.1"]))
    app = create_app(lambda **_: service, Limits(workers=1, places=8, client_places=2), access)  # type: ignore[arg-type,return-value]

    async def scene() -> None:
        greedy = [Client(app, client="1.1.1.1") for _ in range(4)]
        await until(lambda: app.state.admission.taken == 2 and all(one.status for one in greedy[2:]))
        assert [(one.status, one.code) for one in greedy[2:]] == [(429, "rate_limited")] * 2
        other = Client(app, client="2.2.2.2")
        await until(lambda: app.state.admission.taken == 3)
        service.go.set()
        for one in (*greedy[:2], other):
            await one.task
            assert one.status == 200

    try:
        asyncio.run(scene())
    finally:
        service.go.set()
        app.state.admission.close()


def test_addresses_are_read_as_they_are_meant() -> None:
    assert all(map(is_local, ("127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1")))
    assert not any(map(is_local, ("0.0.0.0", "::", "10.0.0.1", "machine", "")))
    assert within("10.1.2.3", networks_of(["10.0.0.5/8"]))
    assert not within("nonsense", networks_of(["0.0.0.0/0"]))
    with pytest.raises(
        FacereliefError, match=r"--trusted-proxy 'nginx' is not an IP address; give one such as 127\.0\.0\.1"
    ):
        networks_of(["nginx"])
