"""The provenance of a picture or video: XMP, C2PA manifest, watermark, comment."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facerelief.errors import MissingExtra, NoFaceFound
from facerelief.faces.alignment import Crop, align
from facerelief.faces.detector import FaceFinder
from facerelief.photos.photo import Photo, read_photo
from facerelief.photos.provenance.content_credentials import can_sign, read_credentials
from facerelief.photos.provenance.credentials_report import Credentials
from facerelief.photos.provenance.file_kinds import MANIFEST_SUFFIXES
from facerelief.photos.provenance.watermark_detection import Watermark, detect_watermarks
from facerelief.photos.provenance.xmp import EditMark, to_comment
from facerelief.photos.video_container import MADE_BY, video_comment
from facerelief.suffixes import VIDEO_SUFFIXES

_AI_SOURCE_TYPES = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")  # IPTC's terms


@dataclass(frozen=True)
class Provenance:
    """The records of an edit in a file.

    Args:
        xmp: The record in the XMP packet.
        credentials: The C2PA manifest; None also if C2PA's library is missing (then `c2pa_read` is false).
        pixels: Watermarks, the clearest first; None for videos, which have none.
        c2pa_read: Whether C2PA's library is installed.
        comment: Of a video's container or an edited GIF.
    """

    xmp: EditMark | None
    credentials: Credentials | None
    pixels: list[Watermark] | None
    c2pa_read: bool
    comment: str = ""

    @property
    def edited(self) -> bool:
        """Whether any record names an edit by a trained model, or by this program."""
        source_type = self.credentials.source_type.rpartition("/")[2] if self.credentials else ""
        return bool(self.xmp or source_type in _AI_SOURCE_TYPES or self.pixels or MADE_BY in self.comment)


def find_provenance(path: Path, finder: FaceFinder | None = None, trusted: bytes | None = None) -> Provenance:
    """Find the records of an edit in a picture, or the manifest and comment of a video.

    Args:
        path: The file.
        finder: A face finder, with which watermarks are also found in cropped and resized pictures.
        trusted: Trusted certificates (PEM).

    Raises:
        PhotoError: The file is not a picture.
        VideoError: The file is not a video.
    """
    if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
        return _in_video(path, trusted)
    photo = read_photo(path)
    credentials = None
    if photo.history and can_sign():
        credentials = read_credentials(photo.history, photo.format, trusted)
    pixels, in_comment = detect_watermarks(photo.rgb, _crops(photo, finder)), photo.format == "GIF"
    comment = to_comment(photo.mark) if in_comment and photo.mark else ""
    return Provenance(None if in_comment else photo.mark, credentials, pixels, can_sign(), comment)


def _in_video(path: Path, trusted: bytes | None) -> Provenance:
    credentials, comment, kind = None, "", MANIFEST_SUFFIXES.get(path.suffix.lower())
    with contextlib.suppress(MissingExtra):
        comment = video_comment(path)
    if kind and can_sign():
        credentials = read_credentials(path, kind, trusted)
    return Provenance(None, credentials, None, can_sign(), comment)


def _crops(photo: Photo, finder: FaceFinder | None) -> Sequence[Crop]:
    if finder is None:
        return ()
    try:
        return [align(face.landmarks) for face in finder(photo.rgb)]
    except NoFaceFound:
        return ()
