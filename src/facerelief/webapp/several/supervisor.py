"""The parent of several server processes: they accept from one socket, and those that die are replaced.

A request lives in one process from its first byte to its last, and no process keeps anything of it: so whichever a
connection reaches answers it, and when one dies, its own requests break off and no other's.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from facerelief.errors import FacereliefError
from facerelief.processes.pool import without_interrupts

Serve = Callable[[socket.socket, int, Callable[[], None]], None]
_YOUNG_S = 5.0  # a process that dies sooner has a reason that will not go away
_MOST_YOUNG = 3  # such deaths in a row after which the server ends
_LOOK_S = 0.2  # between two looks at whether a signal came


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
        self._signals = 0  # that came

    def run(self, ready: Callable[[], None]) -> None:
        """Run until SIGINT or SIGTERM, at which running requests finish; a second one ends them at once.

        Args:
            ready: Called once all processes accept requests.

        Raises:
            FacereliefError: A process cannot start, or they die again and again.
        """
        before = {one: signal.signal(one, self._on_signal) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            for number in range(self._count):
                self._start(number)
            for process, said, _ in list(self._children.values()):
                self._await(process, said)
            if not self._signals:
                ready()
            while self._children:
                self._watch()
        finally:
            self._stop()
            while self._children:
                self._watch()
            for one, handler in before.items():
                signal.signal(one, handler)

    def _start(self, number: int) -> None:
        """Start a process, unless the server is to stop."""
        if self._signals:
            return
        pipe: Any = self._context.Pipe  # of another type on Windows, where this does not run
        said, tell = pipe(duplex=False)
        lives, life = pipe(duplex=False)  # its end tells a process that the parent is gone
        process = self._context.Process(
            target=_child, args=(self._serve, self._listening, number, tell, lives), name=f"facerelief serve {number}"
        )
        with without_interrupts():  # until it has a session of its own
            process.start()
        tell.close()
        lives.close()
        process._life = life  # type: ignore[attr-defined]
        self._children[number] = process, said, time.monotonic()

    def _await(self, process: BaseProcess, said: Connection) -> None:
        """Wait until a process accepts requests, ends, or is to stop. Raises `FacereliefError` as `_hear`."""
        while not self._signals:
            if wait([said, process.sentinel], timeout=_LOOK_S):
                self._hear(said)
                return

    def _hear(self, said: Connection) -> None:
        """What a process has said, if anything. Raises `FacereliefError` with its reason not to accept requests."""
        with contextlib.suppress(EOFError, OSError):
            if said.poll() and (problem := said.recv()):
                raise FacereliefError(problem)

    def _watch(self) -> None:
        """Wait for the next process that ends or for a signal; replace the process unless the server stops."""
        ended = wait([process.sentinel for process, _, _ in self._children.values()], timeout=_LOOK_S)
        self._heed_signals()
        for number, (process, said, begun) in list(self._children.items()):
            if process.sentinel not in ended:
                continue
            process.join()
            del self._children[number]
            if self._stopping:
                continue
            self._hear(said)
            self._young = self._young + 1 if time.monotonic() - begun < _YOUNG_S else 0
            if self._young >= _MOST_YOUNG:
                raise FacereliefError(
                    f"server processes die as soon as they start (exit code {process.exitcode}); "
                    f"{_remedy(process.exitcode)}"
                )
            self._said(f"a server process died (exit code {process.exitcode}) and is replaced; its requests broke off")
            self._start(number)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # No more than this: it may come in the middle of `_start`, between a process and its entry.
        self._signals += 1

    def _heed_signals(self) -> None:
        if self._signals and not self._stopping:
            self._stop()
        if self._signals > 1:
            for process, _, _ in self._children.values():
                process.kill()

    def _stop(self) -> None:
        """Let all processes finish what they do; no more connections are queued."""
        if self._stopping:
            return
        self._stopping = True
        self._listening.close()
        for process, _, _ in self._children.values():
            process.terminate()


def _remedy(exitcode: int | None) -> str:
    """What to do about processes that die: signals are mostly the system's, which has no memory left."""
    if exitcode is not None and exitcode < 0:
        return "free memory, or give fewer --processes"
    return "what they print above says why; leave out --processes to see whether one alone runs"


def _child(serve: Serve, listening: socket.socket, number: int, tell: Connection, lives: Connection) -> None:
    """A server process."""
    if sys.platform != "win32":  # where `serve` refuses several processes
        os.setsid()  # Ctrl-C reaches the parent alone, which asks once
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # forgets the one that may have come until now
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, before)
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
