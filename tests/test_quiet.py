"""Warnings are silent inside, and come back, however threads overlap."""

import threading
import warnings

import pytest

from facerelief.quiet import quiet


def test_warnings_are_ignored_inside_and_only_there() -> None:
    before = list(warnings.filters)
    with quiet():
        warnings.warn("not heard", stacklevel=1)  # the suite turns warnings into errors
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)


def test_they_come_back_when_the_first_thread_leaves_before_the_second() -> None:
    before = list(warnings.filters)
    first_in, second_in, first_out = (threading.Event() for _ in range(3))
    heard: list[Warning] = []

    def first() -> None:
        with quiet():
            first_in.set()
            assert second_in.wait(10)

    def second() -> None:
        assert first_in.wait(10)
        with quiet():
            second_in.set()
            assert first_out.wait(10)
            try:
                warnings.warn("still inside", stacklevel=1)
            except UserWarning as raised:
                heard.append(raised)

    threads = [threading.Thread(target=run) for run in (first, second)]
    for thread in threads:
        thread.start()
    threads[0].join(10)
    first_out.set()
    threads[1].join(10)
    assert not heard
    assert list(warnings.filters) == before


def test_an_error_inside_brings_them_back() -> None:
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="inside"), quiet():
        raise ValueError("inside")
    assert list(warnings.filters) == before
