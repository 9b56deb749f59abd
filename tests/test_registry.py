import pytest

from facerelief.errors import FacereliefError
from facerelief.registry import Registry


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
