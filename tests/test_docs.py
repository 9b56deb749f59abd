"""Links between the project's pages lead somewhere."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from commands import commands

from facerelief.config import (
    RENAMED_SETTINGS,
    ClassifierTraining,
    DepthTraining,
    ExpressionTraining,
    IdentityTraining,
)
from facerelief.training.methods import TRAINING_METHODS

_ROOT = Path(__file__).parents[1]
_PAGES = [
    path for folder in ("", "docs", "docs/methods", "benchmarks") for path in sorted((_ROOT / folder).glob("*.md"))
]


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them: of links their text, small letters, no punctuation, a hyphen for a space."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    texts = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target))):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.name)
def test_no_table_is_broken_by_an_empty_line(page: Path) -> None:
    """Rows after it would be shown as text: a table begins with a heading and a line of dashes."""
    lines = prose(page).splitlines()
    begins = [n for n, line in enumerate(lines) if line.startswith("|") and not lines[n - 1].startswith("|")]
    assert not [lines[n] for n in begins if not re.fullmatch(r"\|[ :|-]+\|", "".join(lines[n + 1 : n + 2]))]


def test_extras_in_the_pages_are_those_there_are() -> None:
    """And none is asked for from an index, where the package is not."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for page in (*_PAGES, *sorted((_ROOT / "notebooks").glob("*.ipynb"))):
        named = re.findall(r"pip install (?:-e )?'(\w*|\.)\[([\w,]+)\]'", page.read_text(encoding="utf-8"))
        assert {name for _, names in named for name in names.split(",")} <= {*project["optional-dependencies"], "NAME"}
        assert {package for package, _ in named} <= {"."}, page.name


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len((_ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_files_that_the_pages_name_exist() -> None:
    """By the end of their path, as a reader looks for them; NAME stands for a new one."""
    there = [
        "/" + path.relative_to(_ROOT).as_posix()
        for top in ("src", "tests", "benchmarks", "packaging")
        for path in (_ROOT / top).rglob("*.py")
    ]
    pages = {page.name: set(re.findall(r"`([\w/]+\.py)(?::\w+)?`", prose(page))) for page in _PAGES}
    missing = {
        (page, name)
        for page, names in pages.items()
        for name in names
        if "NAME" not in name and "MODULE" not in name and not any(path.endswith("/" + name) for path in there)
    }
    assert not missing


def test_the_import_layers_are_those_that_are_checked() -> None:
    contract = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    page = (_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = page[page.index("\n## Import layers") :].split("```")[1].split("\n")[1:-1]
    assert shown == contract["contracts"][0]["layers"]


def test_every_subpackage_has_its_row_in_the_architecture() -> None:
    page = (_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {path.name for path in (_ROOT / "src" / "facerelief").iterdir() if path.is_dir()} - {"__pycache__"}
    assert set(re.findall(r"^\| `(\w+)` \|", page[: page.index("\n## Import layers")], re.MULTILINE)) == folders


def test_every_renamed_setting_is_listed() -> None:
    page = (_ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    table = page[page.index("**Renamed settings.**") : page.index("\n## Installing")]
    assert dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|$", table, re.MULTILINE)) == RENAMED_SETTINGS


def import_lines(page: Path) -> list[str]:
    """The lines of a page's programs that import from the package."""
    programs = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for program in programs for line in program.splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith("from facerelief")))


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.name)
def test_programs_in_the_pages_import_what_there_is(page: Path) -> None:
    for line in import_lines(page):
        exec(line, {})


def command_lines(page: Path) -> list[str]:
    """The command lines of a page, in blocks and in running text, without comments."""
    text = re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))
    blocks = "\n".join(block for language, block in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL) if not language)
    typed = re.findall(r"(?:^|\| |python -m )facerelief +(\w.*?)(?: #|[|>]|$)", blocks, re.MULTILINE)
    return typed + re.findall(r"`facerelief\s+([a-z][^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.name)
def test_commands_in_the_pages_are_those_there_are(page: Path) -> None:
    every, wrong = commands(), []
    for line in command_lines(page):
        words = line.split()
        name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in every), None)
        known = {option for one in every[name].params for option in (*one.opts, *one.secondary_opts)} if name else set()
        options = {
            word.partition("=")[0].strip("'\",;)") for word in words if word.startswith("-") and word[1:].strip("-")
        }
        if name is None or options - known - {"--help"}:
            wrong.append((line, sorted(options - known)))
    assert not wrong


def test_every_option_of_edit_is_explained() -> None:
    page = (_ROOT / "docs" / "editing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", page))
    options = [one for one in commands()["edit"].params if one.param_type_name == "option" and not one.hidden]
    assert not [one.opts for one in options if one.name != "help" and not named & {*one.opts, *one.secondary_opts}]


def test_settings_in_the_pages_are_those_there_are() -> None:
    kinds = (ClassifierTraining, DepthTraining, ExpressionTraining, IdentityTraining)
    known = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    known |= {name for method in TRAINING_METHODS for name in TRAINING_METHODS[method].options}
    pages = "\n".join(page.read_text(encoding="utf-8") for page in _PAGES if page.name != "own_method.md")
    named = set(re.findall(r"--(?:set|stage1)\s+([a-z]\w*)=", pages))
    assert len(named) >= 5 and named <= known


def test_programs_and_commands_are_found_in_the_pages() -> None:
    """Where the patterns above find nothing, their tests pass."""
    assert sum(len(import_lines(page)) for page in _PAGES) >= 20
    assert sum(len(command_lines(page)) for page in _PAGES) >= 100
