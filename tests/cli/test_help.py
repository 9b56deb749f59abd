"""Help that can be learnt from, for every command there is."""

import os
from collections.abc import Callable

from commands import commands

Command = Callable


def test_help_is_complete(command: Command) -> None:
    everything = commands()
    assert {"edit", "demo", "dataset build", "dataset review", "dataset stats", "train depth"} <= set(everything)
    assert {
        "dataset synthesize",
        "morphable fit",
        "report judge",
        "report rate",
        "train identity",
        "report identity",
        "report outside",
    } <= set(everything)
    for words, one in everything.items():
        result = command(*words.split(), "--help")
        assert (result.code, result.err) == (0, ""), words
        for parameter in one.params:
            if getattr(parameter, "hidden", False):
                continue
            assert all(option in result.out for option in parameter.opts if option.startswith("-")), (words, parameter)
            assert getattr(parameter, "help", None), f"{words}: {parameter.name} says nothing"
        for name in getattr(one, "commands", {}):
            assert name in result.out
        assert one.help, words


def test_help_is_what_one_gets_without_arguments(command: Command) -> None:
    for words in ("", "dataset", "train", "report", "morphable"):
        result = command(*words.split())
        assert (result.code, result.err) == (2, "")
        assert "Usage: facerelief" in result.out


def test_the_version(program: Command) -> None:
    result = program("--version", cwd=os.sep)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("facerelief ")
