"""The parent of several server processes: they accept from one socket, and those that die are replaced.

A request lives in one process from its first byte to its last, and no process keeps anything of it: so whichever a
connection reaches answers it, and when one dies, its own requests break off and no other's.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from facerelief.errors import FacereliefError

Serve = Callable[[socket.socket, int, Callable[[], None]], None]
_YOUNG_S = 5.0  # a process that dies sooner has a reason that will not go away
_MOST_YOUNG = 3  # such deaths in a row after which the server ends


class Supervisor:
    """Starts `count` processes and keeps them running until a signal.

    Args:
        count: Of the processes.
        serve: What a process does, with the socket, its number, and what to call once it accepts requests. Picklable.
        listening: The socket of all.
        said: Told of each process that is replaced, in words.
    """

    def __init__(self, count: int, serve: Serve, listening: socket.socket, said: Callable[[str], None]) -> None:
        self._serve, self._listening, self._said = serve, listening, said
        self._context = multiprocessing.get_context("spawn")
        self._children: dict[int, tuple[BaseProcess, Connection, float]] = {}
        self._count, self._stopping, self._young = count, False, 0

    def run(self, ready: Callable[[], None]) -> None:
        """Run until SIGINT or SIGTERM, at which running requests finish.

        Args:
            ready: Called once all processes accept requests.

        Raises:
            FacereliefError: A process cannot start, or they die again and again.
        """
        before = {one: signal.signal(one, self._on_signal) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            for number in range(self._count):
                self._start(number)
            for _, said, _ in list(self._children.values()):
                self._hear(said)
            if not self._stopping:
                ready()
            while self._children:
                self._watch()
        finally:
            self._stop()
            for process, _, _ in self._children.values():
                process.join()
            for one, handler in before.items():
                signal.signal(one, handler)

    def _start(self, number: int) -> None:
        pipe: Any = self._context.Pipe  # of another type on Windows, where this does not run
        said, tell = pipe(duplex=False)
        lives, life = pipe(duplex=False)  # its end tells a process that the parent is gone
        process = self._context.Process(
            target=_child, args=(self._serve, self._listening, number, tell, lives), name=f"facerelief serve {number}"
        )
        process.start()
        tell.close()
        lives.close()
        process._life = life  # type: ignore[attr-defined]
        self._children[number] = process, said, time.monotonic()

    def _hear(self, said: Connection) -> None:
        """Wait until a process accepts requests. Raises `FacereliefError` with its reason not to."""
        with contextlib.suppress(EOFError, OSError):
            if problem := said.recv():
                raise FacereliefError(problem)

    def _watch(self) -> None:
        """Wait for the next process that ends; replace it unless the server stops."""
        ended = wait([process.sentinel for process, _, _ in self._children.values()], timeout=1.0)
        for number, (process, said, begun) in list(self._children.items()):
            if process.sentinel not in ended:
                continue
            process.join()
            del self._children[number]
            if self._stopping:
                continue
            self._hear_end(said)
            self._young = self._young + 1 if time.monotonic() - begun < _YOUNG_S else 0
            if self._young >= _MOST_YOUNG:
                raise FacereliefError(
                    f"server processes die as soon as they start (exit code {process.exitcode}); free memory, or give "
                    "fewer --processes"
                )
            self._said(f"a server process died (exit code {process.exitcode}) and is replaced; its requests broke off")
            self._start(number)

    def _hear_end(self, said: Connection) -> None:
        if said.poll():
            self._hear(said)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            for process, _, _ in self._children.values():
                process.kill()
            return
        self._stop()

    def _stop(self) -> None:
        """Let all processes finish what they do; no more connections are queued."""
        self._stopping = True
        self._listening.close()
        for process, _, _ in self._children.values():
            with contextlib.suppress(ValueError, AttributeError):
                process.terminate()


def _child(serve: Serve, listening: socket.socket, number: int, tell: Connection, lives: Connection) -> None:
    """A server process."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C reaches the parent alone, which asks once
    threading.Thread(target=_end_with_parent, args=(lives,), daemon=True).start()
    try:
        serve(listening, number, lambda: tell.send(""))
    except FacereliefError as problem:
        with contextlib.suppress(OSError):
            tell.send(str(problem))


def _end_with_parent(lives: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        lives.recv()
    os.kill(os.getpid(), signal.SIGTERM)
