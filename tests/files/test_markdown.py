"""Names in Markdown against the rules of CommonMark: a backslash takes its meaning from any of these marks."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from facerelief.files.markdown import code, plain

MARKS = set("\\`*[]<>|")


@settings(derandomize=True)
@given(st.text())
def test_no_mark_is_left_and_nothing_is_lost(text: str) -> None:
    found = plain(text)
    assert re.search(r"(?<!\\)(?:\\\\)*[`*\[\]<>|]", found) is None
    assert found.isprintable() or found == ""
    if text.isprintable():
        assert re.sub(r"\\([\\`*\[\]<>|])", r"\1", found) == text


def test_names_by_hand() -> None:
    assert plain("stargan_depth-2 (final)") == "stargan_depth-2 (final)"
    assert plain("<img src=x onerror=alert(1)>|a`b*") == r"\<img src=x onerror=alert(1)\>\|a\`b\*"
    assert plain("a\nb\x1b[2J") == r"a\nb\x1b\[2J"
    assert code("a`b\n`") == r"a'b\n'"
