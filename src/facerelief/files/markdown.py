"""Escaping of untrusted text, such as names of folders and people, in Markdown."""

import re

_MARKS = re.compile(r"([\\`*\[\]<>|])")


def escape_text(text: str) -> str:
    """Escape text for a sentence, a heading or a table cell."""
    return _one_line(_MARKS.sub(r"\\\1", text))


def escape_code(text: str) -> str:
    """Escape text between backticks."""
    return _one_line(text.replace("`", "'"))


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
