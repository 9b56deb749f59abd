"""What a picture's file and pixels say about its being edited: one look at each layer of provenance."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facerelief.errors import MissingExtra, NoFaceFound
from facerelief.faces.alignment import Crop, align
from facerelief.faces.detector import FaceFinder
from facerelief.photos.photo import Photo, read_photo
from facerelief.photos.provenance.content_credentials import Credentials, can_sign, read_credentials
from facerelief.photos.provenance.file_kinds import FILES
from facerelief.photos.provenance.watermark_detection import PixelMark, find_marks
from facerelief.photos.provenance.xmp import EditMark, comment_of
from facerelief.photos.video_container import MADE_BY, film_comment
from facerelief.suffixes import VIDEO_SUFFIXES


@dataclass(frozen=True)
class Findings:
    """xmp: the mark in the file's XMP packet; credentials: its C2PA manifest, None also where C2PA's library is missing
    (then `c2pa_read` is false); pixels: the marks in its pixels, the clearest first, None for videos, which have none.
    comment: of a video's container, or an edited GIF's.
    """

    xmp: EditMark | None
    credentials: Credentials | None
    pixels: list[PixelMark] | None
    c2pa_read: bool
    comment: str = ""

    @property
    def edited(self) -> bool:
        """Whether any layer says that the picture was edited by a trained model, or by this program."""
        said = self.credentials is not None and "rainedAlgorithmicMedia" in self.credentials.source_type
        return bool(self.xmp or said or self.pixels or MADE_BY in self.comment)


def verify(path: Path, finder: FaceFinder | None = None, trusted: bytes | None = None) -> Findings:
    """Look for every layer of provenance in a picture, or for the manifest and the comment of a video.

    finder: where given, faces that it finds are searched closely, which finds marks in cut and resized pictures too.
    trusted: certificates (PEM) whose manifests are trusted. Raises `PhotoError` or `VideoError` where the
    file is no picture.
    """
    if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
        return _film(path, trusted)
    photo = read_photo(path)
    credentials = None
    if photo.history and can_sign():
        credentials = read_credentials(photo.history, photo.format, trusted)
    pixels, in_comment = find_marks(photo.rgb, _crops(photo, finder)), photo.format == "GIF"
    comment = comment_of(photo.mark) if in_comment and photo.mark else ""
    return Findings(None if in_comment else photo.mark, credentials, pixels, can_sign(), comment)


def _film(path: Path, trusted: bytes | None) -> Findings:
    credentials, comment, kind = None, "", FILES.get(path.suffix.lower())
    with contextlib.suppress(MissingExtra):
        comment = film_comment(path)
    if kind and can_sign():
        credentials = read_credentials(path, kind, trusted)
    return Findings(None, credentials, None, can_sign(), comment)


def _crops(photo: Photo, finder: FaceFinder | None) -> Sequence[Crop]:
    if finder is None:
        return ()
    try:
        return [align(face.landmarks) for face in finder(photo.rgb)]
    except NoFaceFound:
        return ()
