import pytest

from facerelief.errors import FacereliefError
from facerelief.expressions import ALIASES, EXPRESSIONS, resolve, resolve_all


def test_the_order_is_affectnets() -> None:
    assert EXPRESSIONS == ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
    assert [resolve(str(number)) for number in range(8)] == list(EXPRESSIONS)


@pytest.mark.parametrize(
    ("published", "names"),
    [
        ("rafd", "angry contemptuous disgusted fearful happy neutral sad surprised"),
        ("ferplus", "anger contempt disgust fear happiness neutral sadness surprise"),
        ("kdef", "angry contempt disgusted afraid happy neutral sad surprised"),
    ],
)
def test_names_of_published_datasets(published: str, names: str) -> None:
    assert sorted(resolve(name) for name in names.split()) == sorted(EXPRESSIONS)


def test_no_name_means_two_expressions() -> None:
    names = [name for label, aliases in ALIASES.items() for name in (label, *aliases)]
    assert len(set(names)) == len(names)
    assert set(ALIASES) == set(EXPRESSIONS)
    assert all(resolve(alias.upper() + " ") == label for label, aliases in ALIASES.items() for alias in aliases)


@pytest.mark.parametrize("name", ["", "grumpy", "8", "-1", "1.0", "²", "happy,sad"])
def test_an_unknown_name_lists_the_right_ones(name: str) -> None:
    with pytest.raises(FacereliefError) as caught:
        resolve(name)
    message = str(caught.value)
    assert repr(name) in message
    assert "\n" not in message
    assert all(label in message for label in EXPRESSIONS)


def test_several_come_in_order_and_once() -> None:
    assert resolve_all("sad, Happy,joy,0") == ("neutral", "happiness", "sadness")
    assert resolve_all(" ALL ") == EXPRESSIONS
    with pytest.raises(FacereliefError, match="'cross'"):
        resolve_all("happy,cross")
