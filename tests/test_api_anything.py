"""Arbitrary arguments of the Python interface: a result, or one `FacereliefError` of one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from painters import EDITOR, PHOTO, a_face
from PIL import Image

import facerelief
from facerelief import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import Face

ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.complex_numbers(),
        st.text(max_size=20),
        st.binary(max_size=20),
        st.decimals(),
        st.fractions(),
        st.dates(),
        st.sampled_from([*EXPRESSIONS, "all", "largest", "face", "eyes", "torch", "auto", "raise", "return", object()]),
        st.builds(Path, st.text(min_size=1, max_size=5)),
        arrays.arrays(
            st.sampled_from([np.uint8, np.float32, np.int64, np.bool_, np.complex64, np.dtype("U2"), object]),
            arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=20),
        ),
        st.builds(Face, arrays.arrays(np.float32, st.sampled_from([(468, 3), (3,)]), fill=st.floats(width=32))),
        st.builds(a_face, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
        st.just(PHOTO),
        st.builds(Image.new, st.sampled_from(["1", "L", "RGB", "CMYK", "F", "I;16"]), st.just((40, 40))),
        st.just(torch.zeros(3, 20, 20)),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.text(), inner)),
    max_leaves=4,
)
_ANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def _result_or_one_line(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except FacereliefError as problem:
        assert "\n" not in str(problem)
        assert len(str(problem)) < 400
        return None


@pytest.mark.filterwarnings("ignore")
@_ANY
@given(
    picture=st.one_of(st.just(PHOTO), ANYTHING),
    name=st.sampled_from(["to", "strength", "faces", "part"]),
    value=ANYTHING,
)
def test_any_argument_of_edit(picture: Any, name: str, value: Any) -> None:
    edit = _result_or_one_line(lambda: EDITOR.edit(picture, **{"to": "fear", name: value}))
    assert edit is None or isinstance(edit, facerelief.Edited | list)


@pytest.mark.filterwarnings("ignore")
@_ANY
@given(images=ANYTHING, name=st.sampled_from(["to", "strength", "faces", "part", "errors"]), value=ANYTHING)
def test_any_argument_of_edit_all(images: Any, name: str, value: Any) -> None:
    _result_or_one_line(lambda: EDITOR.edit_all([PHOTO], **{"to": "fear", name: value}))
    _result_or_one_line(lambda: EDITOR.edit_all(images, "fear"))
    _result_or_one_line(lambda: EDITOR.faces(images))


@pytest.mark.filterwarnings("ignore")
@_ANY
@given(name=st.sampled_from(["weights", "method", "engine", "task_file"]), value=ANYTHING)
def test_any_argument_of_load(name: str, value: Any) -> None:
    """What could be loaded is not: `load` with good words is tested elsewhere, and takes seconds."""
    options = {"weights": "/nowhere/at/all", name: value}
    if name == "weights" and value is None:
        return
    assert _result_or_one_line(lambda: facerelief.load(**options)) is None or name == "method"


@pytest.mark.filterwarnings("ignore")
@_ANY
@given(name=st.sampled_from(["path", "quality", "provenance"]), value=ANYTHING)
def test_any_argument_of_save(name: str, value: Any) -> None:
    edit = EDITOR.edit(PHOTO, "fear")
    place = "/proc/nothing/x.jpg"  # where nothing can be written
    given_path = value if name == "path" and not isinstance(value, str | Path) else place
    options = {} if name == "path" else {name: value}
    assert _result_or_one_line(lambda: edit.save(given_path, **options)) is None
