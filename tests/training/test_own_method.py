"""The template of docs/own_method.md, installed as a package of somebody else's, passes the conformance tests."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from facerelief.conformance import MethodConformance
from facerelief.data.conditions import CONDITIONS
from facerelief.networks.backbones import BACKBONES
from facerelief.training.methods import TRAINING_METHODS

PAGE = Path(__file__).parents[2] / "docs" / "own_method.md"


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The page's module and entry point, as pip would leave them."""
    folder, text = tmp_path_factory.mktemp("site"), PAGE.read_text(encoding="utf-8")
    project = tomllib.loads(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0])
    info = folder / "my_method-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-method\nVersion: 0.1\n")
    points = project["project"]["entry-points"]["facerelief.methods"]
    lines = ["[facerelief.methods]", *(f"{name} = {module}" for name, module in points.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (folder / "my_method.py").write_text(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        for registry in (BACKBONES, TRAINING_METHODS, CONDITIONS):
            patch.setattr(registry, "_entries", dict(registry._entries))
        yield
    sys.modules.pop("my_method", None)


class TestTemplate(MethodConformance):
    name = "mine"
