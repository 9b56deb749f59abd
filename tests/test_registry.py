import sys
from pathlib import Path
from typing import Any

import pytest

from facerelief.config import ExpressionTraining
from facerelief.errors import FacereliefError
from facerelief.registry import Registry
from facerelief.training.presets import make_config


def filled() -> Registry[type]:
    registry: Registry[type] = Registry("shape")
    registry.add("square")(int)
    registry.add("circle")(float)
    return registry


def test_what_is_registered_is_found_and_left_as_it_is() -> None:
    registry: Registry[type] = Registry("shape")

    @registry.add("square")
    class Square:
        pass

    assert registry["square"] is Square
    assert Square.__name__ == "Square"
    assert list(registry) == ["square"]


def test_a_wrong_name_lists_the_right_ones_in_order() -> None:
    with pytest.raises(FacereliefError) as caught:
        filled()["sqare"]
    assert str(caught.value) == "no shape 'sqare'; choose from circle, square"


def test_a_name_is_given_once() -> None:
    registry = filled()
    with pytest.raises(ValueError, match="shape 'square' is registered already"):
        registry.add("square")(str)
    assert registry["square"] is int


def test_registries_do_not_share_entries() -> None:
    filled()
    assert list(Registry("shape")) == []


PLUGIN = """
from facerelief.networks.backbones import BACKBONES, Backbone
from facerelief.networks.stargan import StarGAN
from facerelief.training.methods.method import TRAINING_METHODS
from facerelief.training.methods.stargan import StarGANMethod as Losses

BACKBONES.add("mine")(Backbone(lambda config: StarGAN(config.channels, len(config.expressions), config.width, 1)))

@TRAINING_METHODS.add("mine")
class Mine(Losses):
    title = "mine"
    options = {"strictness": 2.0}
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package as pip installs it: modules, and entry points beside them."""
    info = tmp_path / "others-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    names = ("mine = others_mine", "broken = others_broken", "empty = others_empty")
    (info / "entry_points.txt").write_text("\n".join(["[facerelief.methods]", *names, ""]))
    for name, text in (("mine", PLUGIN), ("broken", "import no_such_package"), ("empty", "")):
        (tmp_path / f"others_{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_method_of_an_installed_package(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is imported when it is named, and not before; presets and networks know it."""
    from facerelief.networks.backbones import BACKBONES, build_backbone
    from facerelief.training.methods import TRAINING_METHODS

    for registry in (BACKBONES, TRAINING_METHODS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    assert "mine" in TRAINING_METHODS and "others_mine" not in sys.modules
    config = make_config(ExpressionTraining, "cpu", {"method": "mine", "strictness": "3", "width": 4})
    assert config.options == {"strictness": 3.0} and TRAINING_METHODS["mine"](config).option("strictness") == 3
    assert build_backbone(config).conditions == 8
    with pytest.raises(FacereliefError, match=r"^no method 'his'; choose from attgan, broken, cyclegan, diat, .*mine,"):
        TRAINING_METHODS["his"]


def test_a_package_that_cannot_be_imported_is_named_in_one_line(installed: Path) -> None:
    from facerelief.training.methods import TRAINING_METHODS

    with pytest.raises(FacereliefError) as caught:
        TRAINING_METHODS["broken"]
    assert str(caught.value) == (
        "method 'broken' of others_broken cannot be imported (ModuleNotFoundError: No module named "
        "'no_such_package'); repair or uninstall it"
    )
    with pytest.raises(FacereliefError) as caught:
        TRAINING_METHODS["empty"]
    assert str(caught.value) == "others_empty registers no method 'empty'; repair the package or uninstall it"


def test_what_is_not_of_the_registrys_type_is_refused() -> None:
    class Base: ...

    registry: Registry[Any] = Registry("thing", of=Base)
    registry.add("instance")(Base())
    registry.add("subclass")(type("Sub", (Base,), {}))
    for wrong in (object, object(), lambda: None):
        with pytest.raises(TypeError, match=r"^what registers as thing 'wrong' is no Base$"):
            registry.add("wrong")(wrong)
