"""Many clients at once: valid, invalid and abandoned requests, each answer checked against its own request.

    python benchmarks/load.py --clients 64 --seconds 120     # starts a server, kills it in the middle, starts it again
    python benchmarks/load.py --processes 2 ...              # kills one of two server processes, which is replaced

Each client's pictures carry a colour of their own beside the face, which must come back exactly, and ask for an
expression, which must be the one that is seen. Beside them others are rude: 64 connections say nothing, 16 send a byte
now and then, 4 do not read their answers of 17 MB; they come again as often as they are sent away. Only this machine is
asked.
"""

import argparse
import asyncio
import contextlib
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from load_rude import Rude
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from photos import astronaut

EXPRESSIONS = ("happiness", "surprise", "anger", "sadness")
_PATCH, _GAP = 32, 96  # pixels: a coloured stripe, away from the face, where neither edit nor mark reaches
_LONGEST_WAIT = 2.0  # seconds, whatever Retry-After says
_INVALID = ("not a photo", "cut", "no field", "no face")


@dataclass
class Outcome:
    """What the clients met. answered: by kind. seconds: of the valid requests that were served. wrong: answers that
    were not those of their request. memory: resident bytes of the server, sampled.
    """

    answered: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Of the seconds."""
        return float(np.percentile(self.seconds, share)) if self.seconds else float("nan")


class Load:
    """Clients that ask the server at `url`. away: whether it is known to be away just now."""

    def __init__(self, url: str, seconds: float, answers: int, rude: tuple[int, int, int]) -> None:
        """They ask for so many seconds, and until so many valid requests were answered. rude: as `Rude` takes them."""
        self.url, self.seconds, self.answers, self.away = url, seconds, answers, False
        self.begun = time.monotonic()
        self.outcome = Outcome()
        self._head = astronaut()[:224, 112:336]
        self.rude = Rude(*rude, self._head)
        self._expected: dict[str, np.ndarray] = {}

    def reached(self, share: float) -> bool:
        """Whether a share of all that is to be done is done."""
        late = time.monotonic() - self.begun >= share * self.seconds
        each = all(self.outcome.answered[kind] for kind in ("valid", "invalid", "abandoned"))
        return late and each and self.outcome.answered["valid"] >= share * self.answers

    async def run(self, clients: int) -> Outcome:
        """All of it."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=clients)
        async with httpx.AsyncClient(base_url=self.url, timeout=90, limits=limits) as http:
            for name in EXPRESSIONS:
                answer = await http.post("/v1/edit", **_request(self._picture(0), to=name))
                self._expected[name] = _pixels(answer.content)[:, :-_PATCH].astype(int)
            beside = asyncio.gather(self._watch(http), self.rude.run(int(self.url.rpartition(":")[2])))
            await asyncio.gather(*(self._client(http, number) for number in range(clients)))
            beside.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beside
        return self.outcome

    async def _client(self, http: httpx.AsyncClient, number: int) -> None:
        chance = random.Random(number)
        while not self.reached(1):
            kind = chance.choices(("valid", "invalid", "abandoned"), (6, 2, 2))[0]
            try:
                await getattr(self, f"_{kind}")(http, chance)
            except httpx.TransportError as reason:
                if not self.away:
                    self.outcome.wrong.append(f"{type(reason).__name__} while the server was up")
                self.outcome.answered["server away"] += 1
                await asyncio.sleep(0.3)

    async def _valid(self, http: httpx.AsyncClient, chance: random.Random) -> None:
        colour, name = chance.randrange(1, 2**24), chance.choice(EXPRESSIONS)
        start = time.monotonic()
        answer = await http.post("/v1/edit", **_request(self._picture(colour), to=name))
        if await self._put_off(answer):
            return
        self.outcome.seconds.append(time.monotonic() - start)
        self.outcome.answered["valid"] += 1
        if answer.status_code != 200:
            self.outcome.wrong.append(f"a valid request got {answer.status_code}: {answer.text[:200]}")
            return
        pixels = _pixels(answer.content)
        face = pixels[:, :-_PATCH].astype(int)
        nearest = min(EXPRESSIONS, key=lambda one: float(np.abs(face - self._expected[one]).mean()))
        if nearest != name or (pixels[:, -_PATCH:] != self._patch(colour)).any():
            self.outcome.wrong.append(f"asked for {name} with colour {colour:06x}, got something else")

    async def _invalid(self, http: httpx.AsyncClient, chance: random.Random) -> None:
        kind = chance.choice(_INVALID)
        photo = self._picture(chance.randrange(1, 2**24))
        request, code = {
            "not a photo": (_request(b"nothing", to="fear"), "bad_photo"),
            "cut": (_request(photo[: len(photo) // 2], to="fear"), "bad_photo"),
            "no field": (_request(photo, too="fear"), "bad_option"),
            "no face": (_request(_png(np.full((64, 64, 3), 99, np.uint8)), to="fear"), "no_face"),
        }[kind]
        answer = await http.post("/v1/edit", **request)
        if await self._put_off(answer):
            return
        self.outcome.answered["invalid"] += 1
        got = answer.json().get("error", {}).get("code") if answer.status_code == 422 else answer.status_code
        if got != code:
            self.outcome.wrong.append(f"{kind}: {got} in place of {code}")

    async def _abandoned(self, http: httpx.AsyncClient, chance: random.Random) -> None:
        asked = asyncio.ensure_future(http.post("/v1/edit", **_request(self._picture(7), to="fear")))
        await asyncio.sleep(chance.uniform(0, 0.3))
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked
        self.outcome.answered["abandoned"] += 1

    async def _put_off(self, answer: httpx.Response) -> bool:
        if answer.status_code == 504:  # on a machine that does other things too
            self.outcome.answered["too slow"] += 1
            return True
        if answer.status_code != 503:
            return False
        self.outcome.answered["put off"] += 1
        if "Retry-After" not in answer.headers:
            self.outcome.wrong.append("a busy server did not say when to come again")
        await asyncio.sleep(min(_LONGEST_WAIT, float(answer.headers.get("Retry-After", 1))) * random.uniform(0.5, 1))
        return True

    async def _watch(self, http: httpx.AsyncClient) -> None:
        while True:
            await asyncio.sleep(0.5)
            with contextlib.suppress(httpx.TransportError):
                text = (await http.get("/metrics")).text
                found = re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)
                if found:
                    self.outcome.memory.append(float(found[1]))

    def _patch(self, colour: int) -> np.ndarray:
        return np.array([colour >> 16, colour >> 8 & 255, colour & 255], np.uint8)

    def _picture(self, colour: int) -> bytes:
        height, width = self._head.shape[:2]
        rgb = np.full((height, width + _GAP + _PATCH, 3), 128, np.uint8)
        rgb[:, :width], rgb[:, -_PATCH:] = self._head, self._patch(colour)
        return _png(rgb)


def _png(rgb: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _request(photo: bytes, **fields: str) -> dict[str, object]:
    return {"files": {"photo": ("p", photo)}, "data": fields}


def start(port: int, processes: int) -> tuple[subprocess.Popen[str], int]:
    """A server, and its port."""
    call = [sys.executable, "-m", "facerelief", "serve", "--port", str(port), "--processes", str(processes)]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "150"})
    assert process.stdout
    found = re.search(r":(\d+) ", process.stdout.readline())
    assert found, "the server does not start"
    return process, int(found[1])


async def load(
    clients: int, seconds: float, answers: int, rude: tuple[int, int, int], processes: int = 1
) -> tuple[Outcome, Rude]:
    """The whole test: a server, clients, and a kill in the middle."""
    process, port = start(0, processes)
    asking = Load(f"http://127.0.0.1:{port}", seconds, answers, rude)

    async def kill() -> None:
        nonlocal process
        while not asking.reached(0.5):
            await asyncio.sleep(0.02)
        asking.away = True
        if processes > 1:
            os.kill(server_processes(process.pid)[0], signal.SIGKILL)
        else:
            stop(process)
            process, _ = await asyncio.to_thread(start, port, processes)
        await asyncio.sleep(1)  # until the connections that broke are noticed
        asking.away = False

    try:
        outcome, _ = await asyncio.gather(asking.run(clients), kill())
        return outcome, asking.rude
    finally:
        stop(process)


def server_processes(parent: int) -> list[int]:
    """Those that a server started (Linux)."""
    found = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return [one for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def stop(process: subprocess.Popen[str]) -> None:
    """Kill a server."""
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def main() -> int:
    """Print what came of it; exit code 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--rude", type=int, nargs=3, default=(64, 16, 4), metavar=("SILENT", "WRITERS", "READERS"))
    chosen = parser.parse_args()
    given = chosen.clients, chosen.seconds, chosen.clients, tuple(chosen.rude), chosen.processes
    outcome, rude = asyncio.run(load(*given))
    print(f"sent away: {dict(rude.sent_away)}; load of the machine: {os.getloadavg()[0]:.1f}")
    print(f"{chosen.clients} clients, {chosen.seconds:g} s: {dict(outcome.answered)}")
    print(f"served in: median {outcome.percentile(50):.2f} s, p95 {outcome.percentile(95):.2f} s")
    print(f"memory: {outcome.memory[0] / 2**20:.0f} MiB at first, {max(outcome.memory) / 2**20:.0f} MiB at most")
    print(f"wrong answers: {len(outcome.wrong)}", *outcome.wrong[:10], sep="\n  ")
    return bool(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main())
