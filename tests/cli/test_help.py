"""Help that can be learnt from, for every command there is."""

import os
from collections.abc import Callable

from commands import commands

Command = Callable
_ABBREVIATIONS = {"Fig", "Figs", "Eq", "Eqs", "e.g", "i.e", "al", "No"}


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


def test_no_summary_in_a_list_of_commands_ends_at_an_abbreviation() -> None:
    """Click cuts at the first full stop and a space, that of "Fig. 9" too."""
    summaries = {words: one.get_short_help_str() for words, one in commands().items()}
    cut = [words for words, text in summaries.items() if text.removesuffix(".").split()[-1] in _ABBREVIATIONS]
    assert not cut
    assert "the paper's figure 9" in summaries["report curves"]


def test_a_morph_offers_one_expression(command: Command) -> None:
    morph, edit = (" ".join(command(words, "--help").out.split()) for words in ("morph", "edit"))
    assert "--to EXPRESSION" in morph
    assert "contempt, or all" not in morph
    assert "contempt, or all" in edit


def test_steps_are_called_by_what_is_counted(command: Command) -> None:
    for words, counted in {"depth": True, "expression": True, "judge": False, "identity": False}.items():
        assert ("Discriminator steps" in command("train", words, "--help").out) is counted, words


def test_help_is_what_one_gets_without_arguments(command: Command) -> None:
    for words in ("", "dataset", "train", "report", "morphable"):
        result = command(*words.split())
        assert (result.code, result.err) == (2, "")
        assert "Usage: facerelief" in result.out


def test_the_version(program: Command) -> None:
    result = program("--version", cwd=os.sep)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("facerelief ")
