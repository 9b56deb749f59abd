"""The vocabulary: a public name means one thing in all of the package; functions and files stay short."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import facerelief

ROOT = Path(facerelief.__file__).parent
# A command is named after the function that it calls; the choices of its options are repeated in cli/options.py, which
# imports nothing heavy (tests/cli/test_help.py compares them).
COMMANDS, CHOICES = "cli/commands/", "cli/options.py"
LONGEST, MOST_PARAMETERS = 40, 8  # lines without the docstring; parameters without self
EXCEPTIONS = {
    "data/build.py build_dataset": "how a dataset is built, by keyword, as its command's options",
    "release/morphable.py face_card": "the text of a card, with little else",
    "training/depth.py train_depth": "stage 1 from its data to its weights, read top to bottom",
    "training/launch.py run_expression": "what stage 2 may learn from, by keyword, as its command's options",
    "editing/video/edit.py edit_video": "how a video is edited, by keyword, as its command's options",
}


def modules() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_a_public_name_is_defined_once() -> None:
    where: dict[str, set[str]] = defaultdict(set)
    for name, text in modules():
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found = [node.name]
            elif isinstance(node, ast.Assign):
                found = [target.id for target in node.targets if isinstance(target, ast.Name)]
            else:
                found = (
                    [node.target.id] if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else []
                )
            for one in found:
                if not one.startswith("_") and one != "app" and not (name == CHOICES or name.startswith(COMMANDS)):
                    where[one].add(name)
    assert {one: places for one, places in where.items() if len(places) > 1} == {}


def test_functions_and_files_are_short() -> None:
    long = set()
    for name, text in modules():
        assert len(text.splitlines()) <= 300, name
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef):
                continue
            documented = ast.get_docstring(node) is not None
            first = node.body[0]
            lines = (node.end_lineno or 0) - node.lineno + 1
            lines -= ((first.end_lineno or 0) - first.lineno + 1) * documented
            of = node.args
            parameters = [one.arg for one in of.posonlyargs + of.args + of.kwonlyargs if one.arg not in ("self", "cls")]
            if not name.startswith(COMMANDS) and (lines > LONGEST or len(parameters) > MOST_PARAMETERS):
                long.add(f"{name} {node.name}")
    assert long == set(EXCEPTIONS)
