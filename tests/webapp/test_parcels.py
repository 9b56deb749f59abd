"""Bytes on their way: who gives way to whom, and what stays in memory."""

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.datastructures import Headers
from webapp_app import until

from facerelief.webapp.admission import Desk
from facerelief.webapp.errors import Problem
from facerelief.webapp.requests import Fields, parse_form, parse_json
from facerelief.webapp.server.buffers import Parcel, Parcels
from facerelief.webapp.server.limits import Limits, Ticket

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


def filled(most: int, *parcels: tuple[int, int, float]) -> tuple[Parcels, list[Parcel]]:
    """Parcels of `held` and `moved` bytes that began so many seconds ago; none has grace for more than one second."""
    all_of_them, made = Parcels(most, 1.0), []
    for held, moved, seconds in parcels:
        parcel = Parcel(held, lambda: None)
        parcel.moved, parcel.begun = moved, time.monotonic() - seconds
        all_of_them._all.add(parcel)
        made.append(parcel)
    return all_of_them, made


def test_the_slowest_give_way_and_no_more_than_needed() -> None:
    parcels, (fast, slow, slower) = filled(1000, (300, 300, 10), (300, 200, 10), (300, 100, 10))
    assert parcels.room(500)
    assert (fast.over, slow.over, slower.over) == (False, True, True)


def test_none_gives_way_where_it_would_not_help() -> None:
    parcels, made = filled(1000, (600, 600, 0), (300, 1, 10))
    assert not parcels.room(500)
    assert not any(parcel.over for parcel in made)


def test_none_gives_way_to_one_that_is_slower() -> None:
    parcels, (slow, fast) = filled(1000, (400, 100, 10), (500, 500, 10))
    assert not parcels.room(200, slow)
    assert parcels.room(200, fast)
    assert (slow.over, fast.over) == (True, False)


def test_where_nothing_else_is_held_all_fits() -> None:
    parcels, (late,) = filled(1000, (900, 1, 10))
    assert parcels.room(5000)
    assert late.over


def test_one_whose_time_is_just_up_gives_way_without_harm_to_others() -> None:
    """Its time ends in the same round of the event loop in which another needs its memory."""

    async def scene() -> None:
        desk = Desk(Limits(held=1000, grace_s=0.05, pace=1e9))
        slow: Any = Upload(b"x" * 900, endless=True)

        async def upload() -> None:
            async with desk.body(slow):
                pass

        task = asyncio.ensure_future(upload())
        await until(lambda: desk.bodies.held == 900)
        time.sleep(0.2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        assert desk.bodies.room(500)
        desk.end()
        with pytest.raises(Problem):
            await task
        assert desk.bodies.held == 0
        desk.close()

    asyncio.run(scene())


@pytest.mark.parametrize("form", [True, False])
def test_a_body_is_in_memory_once(form: bool) -> None:
    """32 MiB of it: neither its pieces nor what it was parsed from stay beside the photo."""
    size = 32 * MEBIBYTE

    def parsed(body: bytearray) -> Fields:
        headers = Headers({"content-type": "multipart/form-data; boundary=b"})
        return parse_form(headers, body, Ticket(float("inf"))) if form else parse_json(body)

    async def scene() -> tuple[float, float]:
        desk = Desk(Limits(body=size + 1000))
        head, _, tail = (FORM if form else JSON).partition(b"%s")
        request: Any = Upload(head, *(bytes([65]) * MEBIBYTE for _ in range(32)), tail)
        async with desk.body(request) as body:
            arrived = tracemalloc.get_traced_memory()[0]
            fields = await asyncio.to_thread(parsed, body)
            kept = tracemalloc.get_traced_memory()[0]
            assert len(fields.values["photo"]) == size
        desk.close()
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
