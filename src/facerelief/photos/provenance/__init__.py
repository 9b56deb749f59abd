"""Records of an edit in a picture: XMP, C2PA manifest, watermark. `verify.find_provenance` reads them all."""

from facerelief.photos.provenance.content_credentials import can_sign, read_credentials
from facerelief.photos.provenance.credentials_report import Credentials
from facerelief.photos.provenance.watermark_detection import Watermark, detect_watermarks
from facerelief.photos.provenance.xmp import EditMark, mark_edit

__all__ = [
    "Credentials",
    "EditMark",
    "Watermark",
    "can_sign",
    "detect_watermarks",
    "mark_edit",
    "read_credentials",
]
