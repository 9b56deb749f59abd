"""Byte budgets: which transfer is evicted, and what stays in memory."""

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.datastructures import Headers
from webapp_app import until

from facerelief.webapp.admission import AdmissionControl
from facerelief.webapp.errors import ApiError
from facerelief.webapp.requests import Fields, parse_form, parse_json
from facerelief.webapp.server.buffers import ByteBudget, Transfer
from facerelief.webapp.server.limits import CancelToken, Limits

MEBIBYTE = 2**20
FORM = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n\r\n%s\r\n--b--\r\n'
JSON = b'{"photo":"%s"}'


class Upload:
    """A request whose body comes in pieces, and then, where it is `endless`, no more."""

    def __init__(self, *pieces: bytes, endless: bool = False) -> None:
        self.pieces, self.endless = list(pieces), endless

    async def stream(self) -> AsyncIterator[bytes]:
        while self.pieces:
            yield self.pieces.pop(0)
        if self.endless:
            await asyncio.Event().wait()


def filled(most: int, *transfers: tuple[int, int, float]) -> tuple[ByteBudget, list[Transfer]]:
    """A budget with transfers of `held` and `moved` bytes that started some seconds ago; the grace is one second."""
    budget, made = ByteBudget(most, 1.0), []
    for held, moved, seconds in transfers:
        transfer = Transfer(held, lambda: None)
        transfer.moved, transfer.started = moved, time.monotonic() - seconds
        budget._transfers.add(transfer)
        made.append(transfer)
    return budget, made


def test_the_slowest_are_evicted_and_no_more_than_needed() -> None:
    budget, (fast, slow, slower) = filled(1000, (300, 300, 10), (300, 200, 10), (300, 100, 10))
    assert budget.make_room(500)
    assert (fast.evicted, slow.evicted, slower.evicted) == (False, True, True)


def test_none_is_evicted_where_it_would_not_help() -> None:
    budget, made = filled(1000, (600, 600, 0), (300, 1, 10))
    assert not budget.make_room(500)
    assert not any(transfer.evicted for transfer in made)


def test_none_is_evicted_for_a_slower_one() -> None:
    budget, (slow, fast) = filled(1000, (400, 100, 10), (500, 500, 10))
    assert not budget.make_room(200, slow)
    assert budget.make_room(200, fast)
    assert (slow.evicted, fast.evicted) == (True, False)


def test_an_empty_budget_takes_any_amount() -> None:
    budget, (late,) = filled(1000, (900, 1, 10))
    assert budget.make_room(5000)
    assert late.evicted


def test_one_whose_time_is_just_up_is_evicted_without_harm_to_others() -> None:
    """Its time ends in the same round of the event loop in which another needs its memory."""

    async def scene() -> None:
        admission = AdmissionControl(Limits(held=1000, grace_s=0.05, min_upload_rate=1e9))
        slow: Any = Upload(b"x" * 900, endless=True)

        async def upload() -> None:
            async with admission.body(slow):
                pass

        task = asyncio.ensure_future(upload())
        await until(lambda: admission.bodies.held == 900)
        time.sleep(0.2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        assert admission.bodies.make_room(500)
        admission.stop()
        with pytest.raises(ApiError):
            await task
        assert admission.bodies.held == 0
        admission.close()

    asyncio.run(scene())


@pytest.mark.parametrize("form", [True, False])
def test_a_body_is_in_memory_once(form: bool) -> None:
    """32 MiB of it: neither its pieces nor what it was parsed from stay beside the photo."""
    size = 32 * MEBIBYTE

    def parsed(body: bytearray) -> Fields:
        headers = Headers({"content-type": "multipart/form-data; boundary=b"})
        return parse_form(headers, body, CancelToken(float("inf"))) if form else parse_json(body)

    async def scene() -> tuple[float, float]:
        admission = AdmissionControl(Limits(body=size + 1000))
        head, _, tail = (FORM if form else JSON).partition(b"%s")
        request: Any = Upload(head, *(bytes([65]) * MEBIBYTE for _ in range(32)), tail)
        async with admission.body(request) as body:
            arrived = tracemalloc.get_traced_memory()[0]
            fields = await asyncio.to_thread(parsed, body)
            kept = tracemalloc.get_traced_memory()[0]
            assert len(fields.values["photo"]) == size
        admission.close()
        return arrived / size, kept / size

    arrived, kept = traced(lambda: asyncio.run(scene()))
    assert 1 <= arrived < 1.3
    assert 1 <= kept < 1.3


def traced(work: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    tracemalloc.start()
    try:
        return work()
    finally:
        tracemalloc.stop()
