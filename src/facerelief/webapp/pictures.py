"""Pictures of answers, encoded."""

import base64
import io
from dataclasses import dataclass

from PIL import Image

from facerelief.array_types import RGB


@dataclass(frozen=True)
class EncodedPicture:
    """An encoded picture. notes: what was lost in reading, and warnings about the edit."""

    data: bytes
    format: str
    notes: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        """For `Content-Type`."""
        return f"{'video' if self.format == 'MP4' else 'image'}/{self.format.lower()}"

    @property
    def url(self) -> str:
        """As a data URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


def encode_picture(rgb: RGB, format: str) -> EncodedPicture:
    """Pixels (H, W, 3) as JPEG or PNG."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, format, **({"quality": 90} if format == "JPEG" else {"compress_level": 1}))
    return EncodedPicture(stream.getvalue(), format)
