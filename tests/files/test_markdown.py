"""Names in Markdown against the rules of CommonMark: a backslash takes its meaning from any of these marks."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from facerelief.files.markdown import escape_code, escape_text

MARKS = set("\\`*[]<>|")


@settings(derandomize=True)
@given(st.text())
def test_no_mark_is_left_and_nothing_is_lost(text: str) -> None:
    found = escape_text(text)
    assert re.search(r"(?<!\\)(?:\\\\)*[`*\[\]<>|]", found) is None
    assert found.isprintable() or found == ""
    if text.isprintable():
        assert re.sub(r"\\([\\`*\[\]<>|])", r"\1", found) == text


def test_names_by_hand() -> None:
    assert escape_text("stargan_depth-2 (final)") == "stargan_depth-2 (final)"
    assert escape_text("<img src=x onerror=alert(1)>|a`b*") == r"\<img src=x onerror=alert(1)\>\|a\`b\*"
    assert escape_text("a\nb\x1b[2J") == r"a\nb\x1b\[2J"
    assert escape_code("a`b\n`") == r"a'b\n'"
