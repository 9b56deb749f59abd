"""Limits, back-pressure and abandoned requests, each brought about on purpose."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from webapp_app import Client, SlowService, slow_app, until

Scene = Callable[[Any, SlowService], Awaitable[None]]


def play(scene: Scene, **limits: Any) -> None:
    """Run a scene; afterwards nothing is held and no place is taken."""
    app, service = slow_app(**limits)

    async def all_of_it() -> None:
        await scene(app, service)
        service.go.set()
        await until(lambda: app.state.admission.workers.running == 0)

    try:
        asyncio.run(all_of_it())
    finally:
        service.go.set()
        app.state.admission.close()
    assert (app.state.admission.taken, app.state.admission.bodies.held) == (0, 0)


def test_one_too_many_is_refused_with_a_time_to_retry() -> None:
    async def scene(app: Any, service: SlowService) -> None:
        clients = [Client(app) for _ in range(3)]
        await until(lambda: service.begun == 1 and app.state.admission.taken == 3)
        late = Client(app)
        await late.task
        assert (late.status, late.code) == (503, "busy")
        assert int(late.headers["retry-after"]) >= 1
        service.go.set()
        for client in clients:
            await client.task
            assert client.status == 200
        again = Client(app)
        await again.task
        assert again.status == 200

    play(scene, places=3)


def test_who_leaves_while_waiting_is_not_computed() -> None:
    async def scene(app: Any, service: SlowService) -> None:
        first, second, third = (Client(app) for _ in range(3))
        await until(lambda: service.begun == 1 and app.state.admission.taken == 3)
        second.leave()
        await second.task
        assert second.status == 499
        service.go.set()
        await first.task
        await third.task
        assert (first.status, third.status) == (200, 200)
        assert (service.begun, service.ended) == (2, 2)

    play(scene)


def test_who_leaves_while_being_served_is_computed_no_further() -> None:
    async def scene(app: Any, service: SlowService) -> None:
        client = Client(app)
        await until(lambda: service.begun == 1)
        client.leave()
        await client.task
        await until(lambda: app.state.admission.workers.running == 0)
        assert (service.begun, service.ended) == (1, 0)

    play(scene)


def test_who_leaves_during_the_upload() -> None:
    async def scene(app: Any, service: SlowService) -> None:
        client = Client(app, body=b"x" * 1000, chunks=1000, pause=0.001)
        await until(lambda: app.state.admission.bodies.held > 3)
        client.leave()
        await client.task
        assert service.begun == 0
        assert client.status == 499

    play(scene)


def test_an_answer_that_takes_too_long() -> None:
    async def scene(app: Any, service: SlowService) -> None:
        running, waiting = Client(app), Client(app)
        for client in (running, waiting):
            await client.task
            assert (client.status, client.code) == (504, "too_slow")
        await until(lambda: app.state.admission.workers.running == 0)
        assert service.ended == 0

    play(scene, timeout_s=0.1)


def test_an_upload_that_takes_too_long() -> None:
    async def scene(app: Any, service: SlowService) -> None:
        client = Client(app, body=b"x" * 100, chunks=100, pause=0.05)
        await client.task
        assert (client.status, client.code) == (408, "slow_upload")

    play(scene, upload_timeout_s=0.1)


@pytest.mark.parametrize(("size", "code"), [(1000, 200), (1001, 413)])
def test_the_largest_body(size: int, code: int) -> None:
    body = b'{"photo":"AAAA","to":"fear"}'.ljust(size)

    async def scene(app: Any, service: SlowService) -> None:
        service.go.set()
        client = Client(app, body=body, chunks=3)
        await client.task
        assert client.status == code
        if code == 413:
            assert client.code == "too_large"

    play(scene, body=1000)


def test_bodies_in_memory_are_bounded_together() -> None:
    body = b'{"photo":"AAAA","to":"fear"}'.ljust(1000)

    async def scene(app: Any, service: SlowService) -> None:
        first, second = Client(app, body=body), Client(app, body=body)
        await until(lambda: app.state.admission.bodies.held == 2000)
        third = Client(app, body=body)
        await third.task
        assert (third.status, third.code) == (503, "busy")
        assert app.state.admission.bodies.held == 2000
        service.go.set()
        await first.task
        await second.task
        assert (first.status, second.status) == (200, 200)

    play(scene, held=2500)


def test_a_fault_is_told_as_one_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(app: Any, service: SlowService) -> None:
        def fails(*given: object) -> None:
            raise ZeroDivisionError("what nobody foresaw")

        service.edit = fails  # type: ignore[assignment,method-assign]
        client = Client(app)
        with contextlib.suppress(ZeroDivisionError):
            await client.task
        assert (client.status, client.code) == (500, "internal")
        assert "nobody foresaw" not in client.sent.decode()
        assert client.headers["x-content-type-options"] == "nosniff"

    play(scene)
    assert "ZeroDivisionError: what nobody foresaw" in caplog.text


def test_work_is_done_side_by_side_up_to_the_number_of_workers() -> None:
    async def scene(app: Any, service: SlowService) -> None:
        clients = [Client(app) for _ in range(5)]
        await until(lambda: service.begun == 2 and app.state.admission.taken == 5)
        await asyncio.sleep(0.05)
        assert (service.begun, app.state.admission.workers.running) == (2, 2)
        service.go.set()
        for client in clients:
            await client.task
        assert service.ended == 5

    play(scene, workers=2)
