import pytest

from facerelief.data.review.overrides import Override, read_overrides
from facerelief.errors import DatasetError

NAMES = ["rgb/a.png", "rgb/b.png", "rgb/c.png", "rgb/d.png"]


def write(folder, *lines, header="file_name,decision,expression,note"):
    (folder / "overrides.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def test_an_absent_list_is_created_with_its_header(tmp_path):
    assert read_overrides(tmp_path, NAMES) == {}
    assert (tmp_path / "overrides.csv").read_text() == "file_name,decision,expression,note\n"
    assert read_overrides(tmp_path, NAMES) == {}
    (tmp_path / "overrides.csv").write_text("")
    assert read_overrides(tmp_path, NAMES) == {}


def test_decisions(tmp_path):
    write(
        tmp_path,
        "rgb/a.png,keep,,looks fine to me",
        "rgb/b.png,Reject,happy,",
        "",
        'rgb/c.png,relabel,happy,"one; two\n three"',
        "rgb/d.png,keep,4,",
    )
    assert read_overrides(tmp_path, NAMES) == {
        "rgb/a.png": Override("keep", None, "looks fine to me"),
        "rgb/b.png": Override("reject"),
        "rgb/c.png": Override("relabel", "happiness", "one, two three"),
        "rgb/d.png": Override("keep", "fear"),
    }


def test_what_a_spreadsheet_saves(tmp_path):
    text = "\ufefffile_name;decision;expression;note\r\nrgb/b.png;relabel;sad;tränen\r\n"
    (tmp_path / "overrides.csv").write_bytes(text.encode())
    assert read_overrides(tmp_path, NAMES) == {"rgb/b.png": Override("relabel", "sadness", "tränen")}


def test_columns_may_be_in_any_order_and_the_note_absent(tmp_path):
    write(tmp_path, ",keep,rgb/a.png", header="expression,decision,file_name")
    assert read_overrides(tmp_path, NAMES) == {"rgb/a.png": Override("keep")}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rgb/z.png,keep,,", ["rgb/z.png", "rgb/a.png"]),
        ("rgb/b.png,kep,,", ["'kep'", "keep, reject, relabel"]),
        ("rgb/b.png,,,", ["''", "keep, reject, relabel"]),
        ("rgb/b.png,relabel,,", ["neutral, happiness"]),
        ("rgb/b.png,relabel,bored,", ["'bored'", "neutral, happiness"]),
        ("rgb/a.png,reject,,", ["rgb/a.png", "second"]),
    ],
)
def test_mistakes_are_named_with_line_and_choices(tmp_path, line, words):
    write(tmp_path, "rgb/a.png,keep,,", line)
    with pytest.raises(DatasetError) as caught:
        read_overrides(tmp_path, NAMES)
    message = str(caught.value)
    assert all(word in message for word in ["overrides.csv, line 3", *words])
    assert "\n" not in message


def test_a_table_without_file_names(tmp_path):
    write(tmp_path, "rgb/a.png,keep,", header="name,decision,expression")
    with pytest.raises(DatasetError, match="no column file_name"):
        read_overrides(tmp_path, NAMES)
