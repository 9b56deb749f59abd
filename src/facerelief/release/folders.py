"""Folders that models are published in."""

from pathlib import Path

from facerelief.errors import FacereliefError

CARD = "README.md"


def check_model_folder(folder: Path, file: str, kind: str) -> None:
    """Refuse a folder that is not a model's: it must be absent, empty, or hold an earlier model.

    Args:
        folder: The folder.
        file: Name of the model's file in it.
        kind: What the model is of, for the message.

    Raises:
        FacereliefError: It holds something else.
    """
    others = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    if folder.is_file() or (others and not (folder / file).is_file()):
        raise FacereliefError(f"{folder} holds something else; choose an empty folder for the {kind}")
