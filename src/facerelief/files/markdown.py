"""Words of others, such as names of folders and people, inside Markdown: shown as they are, and never as markup."""

import re

_MARKS = re.compile(r"([\\`*\[\]<>|])")


def plain(text: str) -> str:
    """A text for a sentence, a heading or a cell of a table."""
    return _one_line(_MARKS.sub(r"\\\1", text))


def code(text: str) -> str:
    """A text for between backticks, where nothing can be escaped."""
    return _one_line(text.replace("`", "'"))


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
