"""What the face of another photo shows, as a part of an edit's `to`."""

from facerelief.editing import Editor
from facerelief.errors import FacereliefError
from facerelief.photos.photo import Photo

LIKE = "like"  # what it is called in `to`: like, like:0.5, like+AU4:0.3


def check_named(to: str, given: bool) -> None:
    """Raises `FacereliefError` for a `to` that does not name `LIKE` though it is `given`, or the other way round."""
    named = LIKE in map(_name, to.split("+"))
    if given and not named:
        raise FacereliefError(f"like is given, but to does not name it; send to={LIKE}, or leave like out")
    if named and not given:
        raise FacereliefError("to names like, but there is no like; send the other photo as the field like")


def in_words(editor: Editor, to: str, like: Photo, neutral: Photo | None) -> str:
    """`to` with the editor's name of what a photo shows.

    Args:
        editor: The editor.
        to: What a face is to show, of which `LIKE` is a part.
        like: The photo; of several faces the largest counts.
        neutral: One of the same person without expression, or None.

    Raises:
        NoFaceFound: There is no face.
        FacereliefError: The method cannot, or `to` has a part that it does not know.
    """
    learned = editor.take_expression(like, neutral)
    parts = [(part, part.partition(":")) for part in to.split("+")]
    words = "+".join(f"{learned}{colon}{amount}" if _name(part) == LIKE else part for part, (_, colon, amount) in parts)
    try:
        return editor.target(words)
    except FacereliefError as reason:
        raise FacereliefError(str(reason).replace(learned, LIKE)) from reason


def _name(part: str) -> str:
    return part.partition(":")[0].strip().lower()
