"""Every Python snippet of docs/api.md runs as it is printed."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scripts import run_script

_PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
_SECTION = _PAGE[_PAGE.index("## From Python\n") : _PAGE.index("## Over HTTP\n")]
_SNIPPETS = re.findall(r"```python\n(.*?)```", _SECTION, re.DOTALL)
_FORKING = """
import io, os, sys
import program_app
children = []
for _ in range(2):
    children.append(os.fork())
    if not children[-1]:
        data = open("me.jpg", "rb").read()
        call = {"wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data))}
        answer = program_app.app(call, lambda status, headers: None)[0]
        os.write(1, answer + b"\\n")  # at once: the other may write between two parts
        sys.exit(0)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


@pytest.fixture
def folder(tmp_path: Path, portrait: np.ndarray) -> Path:
    Image.fromarray(portrait).save(tmp_path / "me.jpg", quality=95)
    Image.fromarray(np.hstack([portrait, portrait[:, ::-1]])).save(tmp_path / "group.jpg", quality=95)
    for name in ("friend.jpg", "friend-neutral.jpg"):
        Image.fromarray(portrait[:300, 80:380]).save(tmp_path / name, quality=95)
    (tmp_path / "mine.toml").write_text('grin = "AU12:1.2+jawOpen:0.2"')
    return tmp_path


def snippets(holds: str) -> list[str]:
    return [one for one in _SNIPPETS if holds in one]


def test_what_needs_one_process(folder: Path) -> None:
    """In their order, as somebody types them who reads the page."""
    simple = _SNIPPETS[: _SNIPPETS.index(snippets("multiprocessing")[0])]
    assert len(simple) == 8
    unseen = "from PIL import Image\nImage.Image.show = lambda image: print('shown', image.size)\n"
    ended = run_script(unseen + "\n".join(simple), folder)
    assert ended.code == 0, ended
    lines = ended.out.splitlines()
    assert (lines[0], lines[-1]) == (
        "shown (512, 512)",
        "me.jpg: there is no face 2; choose from 1 to 1, 1 is the largest",
    )
    assert len(lines) == 9  # between: an amount, five steps, and the shares of another continuum
    assert {path.name for path in folder.glob("*.*")} >= {
        "happy.jpg",
        "me-happiness.png",
        "skewed.png",
        "anger-1.00.png",
    }
    assert {path.name for path in (folder / "stimuli").iterdir()} > {"me-scrambled.png", "average.png", "stimuli.csv"}


def test_pools_of_processes(folder: Path) -> None:
    (pools,) = snippets("ProcessPoolExecutor")
    ended = run_script(pools, folder)
    assert ended.code == 0, ended
    sizes = ("512x512", "1024x512")
    edits = [f"Edited('{name}', {size}, 1 face)" for name in ("happiness", "anger") for size in sizes]
    assert ended.out.splitlines() == edits


def test_workers_of_a_data_loader(folder: Path) -> None:
    (loader,) = snippets("DataLoader")
    ended = run_script(loader, folder)
    assert ended.code == 0, ended
    assert ended.out == "torch.Size([2, 3, 128, 128])\n"


def test_workers_of_a_server_that_are_forked_when_it_is_loaded(folder: Path) -> None:
    (app,) = snippets("wsgi")
    (folder / "program_app.py").write_text(app)
    ended = run_script(_FORKING, folder)
    assert ended.code == 0, ended
    assert ended.out.splitlines() == ["512x512", "512x512"]


def test_every_snippet_is_run() -> None:
    assert len(_SNIPPETS) == 8 + len(snippets("ProcessPoolExecutor") + snippets("DataLoader") + snippets("wsgi"))
