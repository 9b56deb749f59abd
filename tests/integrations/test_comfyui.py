"""The nodes for ComfyUI, loaded and called as ComfyUI does, without it."""

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from edits import faces_at

from facerelief.editing.loading import load_editor
from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.faces.detector import LandmarkFinder
from facerelief.geometry.morphable.action_units import ACTION_UNITS
from facerelief.photos.photo import Photo

FOLDER = Path(__file__).parents[2] / "integrations" / "comfyui"
WIDGETS = {"INT": int, "FLOAT": float, "STRING": str}


@pytest.fixture(scope="module")
def package() -> ModuleType:
    """The folder as ComfyUI imports it: by its path, under a name of no other package."""
    name = "custom_nodes_x_facerelief"
    spec = importlib.util.spec_from_file_location(
        name, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def run(package: ModuleType, node: str, **inputs: Any) -> tuple[Any, ...]:
    """Check inputs by their declaration, call the node, and check its outputs: as ComfyUI's executor."""
    kind = package.NODE_CLASS_MAPPINGS[node]
    declared = kind.INPUT_TYPES()
    given = {}
    for group in ("required", "optional"):
        for name, (type_, *options) in declared.get(group, {}).items():
            facts = options[0] if options else {}
            fallback = type_[0] if isinstance(type_, list) else facts.get("default")
            value = inputs.pop(name, fallback)
            assert value is not None, f"{name} is required"
            if isinstance(type_, list):
                assert value in type_, f"{value} is not in {type_}"
            elif type_ in ("INT", "FLOAT"):
                assert facts["min"] <= value <= facts["max"], f"{name} is out of range"
            given[name] = value
    assert not inputs, f"no inputs {list(inputs)}"
    if hasattr(kind, "VALIDATE_INPUTS"):
        asked = inspect.getfullargspec(kind.VALIDATE_INPUTS).args
        answer = kind.VALIDATE_INPUTS(**{name: value for name, value in given.items() if name in asked})
        assert answer is True, answer
    out = getattr(kind(), kind.FUNCTION)(**given)
    assert isinstance(out, tuple) and len(out) == len(kind.RETURN_TYPES) == len(kind.RETURN_NAMES)
    for value, type_ in zip(out, kind.RETURN_TYPES, strict=True):
        if type_ == "IMAGE":
            assert value.dtype == torch.float32 and value.ndim == 4
            assert value.min() >= 0 and value.max() <= 1
        else:
            assert isinstance(value, WIDGETS[type_])
    return out


def image_of(rgb: np.ndarray) -> torch.Tensor:
    """(1, H, W, 3), as ComfyUI's Load Image gives it."""
    return torch.from_numpy(rgb.astype(np.float32) / 255)[None]


@pytest.fixture(scope="module")
def head(portrait: np.ndarray) -> np.ndarray:
    return portrait[:230, 110:340]


# -- the interface --------------------------------------------------------------------------------------------------


def test_every_node_is_declared_in_full(package: ModuleType) -> None:
    assert set(package.NODE_CLASS_MAPPINGS) == set(package.NODE_DISPLAY_NAME_MAPPINGS)
    for kind in package.NODE_CLASS_MAPPINGS.values():
        assert kind.CATEGORY and kind.DESCRIPTION
        assert callable(getattr(kind, kind.FUNCTION))
        declared = kind.INPUT_TYPES()
        assert set(declared) <= {"required", "optional"}
        for name, (type_, options) in [pair for group in declared.values() for pair in group.items()]:
            assert name.isidentifier()
            assert options["tooltip"]
            if isinstance(type_, str) and type_ in WIDGETS:
                assert isinstance(options["default"], WIDGETS[type_])
            else:
                assert type_ == "IMAGE" or all(isinstance(choice, str) for choice in type_)


# -- facerelief edit ------------------------------------------------------------------------------------------------


def test_a_batch_is_edited_as_the_editor_edits_each(
    package: ModuleType, finder: LandmarkFinder, head: np.ndarray
) -> None:
    mirrored = np.ascontiguousarray(head[:, ::-1])
    batch = torch.cat([image_of(head), image_of(mirrored)])
    (out,) = run(package, "FaceReliefEdit", image=batch, to="surprise", strength=0.8, part="mouth")
    editor = load_editor(finder=finder)
    for one, rgb in zip(out, (head, mirrored), strict=True):
        expected = editor(Photo(rgb), "surprise", strength=0.8, part="mouth").photo.rgb
        np.testing.assert_array_equal((one * 255).round().byte().numpy(), expected)
        assert (expected != rgb).mean() > 0.05
    assert torch.equal(batch, torch.cat([image_of(head), image_of(mirrored)]))  # the input is as it was


def test_what_does_not_change_keeps_more_than_8_bits(package: ModuleType, head: np.ndarray) -> None:
    noise = torch.rand((1, *head.shape), generator=torch.Generator().manual_seed(0)) / 255 * 0.9 - 0.45 / 255
    fine = (image_of(head) + noise).clamp(0, 1)
    (out,) = run(package, "FaceReliefEdit", image=fine, to="happiness", part="mouth")
    assert torch.equal(out[:, :40], fine[:, :40])  # above the eyes
    assert not torch.equal(out, fine)
    (same,) = run(package, "FaceReliefEdit", image=fine, to="happiness", strength=0.0)
    assert torch.equal(same, fine)


def test_alpha_is_kept(package: ModuleType, head: np.ndarray) -> None:
    alpha = torch.linspace(0, 1, head.shape[1]).expand(1, *head.shape[:2])[..., None]
    (out,) = run(package, "FaceReliefEdit", image=torch.cat([image_of(head), alpha], dim=3))
    (plain,) = run(package, "FaceReliefEdit", image=image_of(head))
    assert torch.equal(out[..., 3:], alpha)
    assert torch.equal(out[..., :3], plain)


def test_all_faces(package: ModuleType) -> None:
    group = image_of(faces_at((130, 150, 230), (450, 200, 170)).rgb)
    moved = {}
    for faces in ("largest", "all"):
        (out,) = run(package, "FaceReliefEdit", image=group, to="happiness", faces=faces)
        changed = (out != group).any(dim=3)[0].sum(dim=0)
        moved[faces] = (bool(changed[:290].any()), bool(changed[330:].any()))
    assert moved == {"largest": (True, False), "all": (True, True)}


def test_an_image_without_a_face_is_named(package: ModuleType, head: np.ndarray) -> None:
    grey = torch.full((1, *head.shape), 0.5)
    with pytest.raises(
        NoFaceFound, match=r"^image 2 of 2: no face found; use a photo with a face seen from the front$"
    ):
        run(package, "FaceReliefEdit", image=torch.cat([image_of(head), grey]))


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (64, 64, 3), (1, 64, 64, 1)])
def test_what_is_no_image(package: ModuleType, shape: tuple[int, ...]) -> None:
    with pytest.raises(
        FacereliefError, match=r"^images of shape \(.*\) cannot be edited; give \(batch, height, width, 3\)"
    ):
        run(package, "FaceReliefEdit", image=torch.zeros(shape))


def test_words_are_checked_before_the_workflow_runs(package: ModuleType) -> None:
    check = package.NODE_CLASS_MAPPINGS["FaceReliefEdit"].VALIDATE_INPUTS
    assert check(to="happiness:0.6+au12l:0.4") is True
    assert check(to=None) is True  # it comes from another node
    assert check(to="glee").startswith("nothing is called 'glee'; choose from neutral, happiness")
    assert check(to="AU12:9") == "no amount '9' of 'AU12'; choose 0 to 2"


# -- facerelief controls --------------------------------------------------------------------------------------------


def test_sliders_say_action_units(package: ModuleType) -> None:
    asked = {"AU12_lip_corner_puller": 0.5, "AU6_cheek_raiser": 0.3, "AU26_jaw_drop": 1.0}
    assert run(package, "FaceReliefControls", **asked) == ("AU6:0.3+AU12:0.5+AU26",)
    assert run(package, "FaceReliefControls", side="left", **asked) == (
        "AU6L:0.3+AU12L:0.5+AU26",
    )  # a jaw has no sides
    assert run(package, "FaceReliefControls", side="right", **asked) == ("AU6R:0.3+AU12R:0.5+AU26",)
    assert run(package, "FaceReliefControls") == ("neutral",)


def test_a_dozen_sliders_are_named_as_in_facs(package: ModuleType) -> None:
    sliders = [
        name for name in package.NODE_CLASS_MAPPINGS["FaceReliefControls"].INPUT_TYPES()["required"] if name != "side"
    ]
    assert len(sliders) == 12
    for name in sliders:
        number, _, words = name.removeprefix("AU").partition("_")
        assert words.replace("_", " ") == ACTION_UNITS[int(number)][0]


def test_nodes_in_a_row(package: ModuleType, head: np.ndarray) -> None:
    """One side, then the other, then the edit: as the same words in one go."""
    (left,) = run(package, "FaceReliefControls", AU12_lip_corner_puller=1.0, side="left")
    (both,) = run(package, "FaceReliefControls", AU2_outer_brow_raiser=1.5, side="right", also=left)
    assert both == "AU2R:1.5+AU12L"
    (out,) = run(package, "FaceReliefEdit", image=image_of(head), to=both)
    (same,) = run(package, "FaceReliefEdit", image=image_of(head), to="AU12L+AU2R:1.5")
    assert torch.equal(out, same)
    assert not torch.equal(out, image_of(head))
    with pytest.raises(FacereliefError, match="AU12 is named twice"):
        run(package, "FaceReliefControls", AU12_lip_corner_puller=1.0, also="AU12:0.2")
    with pytest.raises(FacereliefError, match="nothing is called 'glee'"):
        run(package, "FaceReliefControls", also="glee")


def test_a_unit_moves_its_side(package: ModuleType, finder: LandmarkFinder, head: np.ndarray) -> None:
    """The person's left is the picture's right."""
    brows = finder(head)[0].landmarks[[105, 334], 0]  # the right and the left one
    (raised,) = run(package, "FaceReliefEdit", image=image_of(head), to="AU2L:1.5")
    change = (raised - image_of(head)).abs().sum(dim=(0, 1, 3)).numpy()
    middle = (change * (np.arange(len(change)) + 0.5)).sum() / change.sum()
    assert abs(middle - brows[1]) < 0.5 * abs(middle - brows[0])
