"""The key: which pictures are edited, and what they are meant to show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.files.json import read_object

KEY = "key.json"


@dataclass(frozen=True)
class KeyLine:
    """A picture of the key: its name, the person, the photo's label, and the target, None if it is as it was."""

    picture: str
    identity: str
    label: str
    target: str | None

    @property
    def shows(self) -> str:
        """The expression that it is meant to show."""
        return self.target or self.label


def read_key(folder: Path) -> tuple[dict[str, KeyLine], dict[str, Any]]:
    """The pictures of a folder by name, and what they were made with. Raises `FacereliefError`."""
    path = folder / KEY
    read = read_object(path, "make it with: facerelief report blind PHOTOS -o FOLDER")
    try:
        named = ("picture", "identity", "label", "target")
        pictures = [KeyLine(*(one[name] for name in named)) for one in read["pictures"]]
        made_with = {str(name): value for name, value in read["made_with"].items()}
    except (KeyError, TypeError, AttributeError) as reason:
        raise FacereliefError(f"{path} is no key of `report blind`; make it again") from reason
    names = {*EXPRESSIONS}
    if not pictures or any(one.label not in names or one.target not in {*names, None} for one in pictures):
        raise FacereliefError(f"{path} is no key of `report blind`; make it again")
    return {one.picture: one for one in pictures}, made_with
