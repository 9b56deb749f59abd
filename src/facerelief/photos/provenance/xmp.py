"""The record of an edit: an XMP packet with IPTC's digital source type, or a comment in formats without XMP."""

import dataclasses
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np

from facerelief import __version__
from facerelief.faces.alignment import Crop
from facerelief.photos.video_container import MADE_BY

EDITED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_XMP = "http://ns.adobe.com/xap/1.0/"
_DC = "http://purl.org/dc/elements/1.1/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


@dataclasses.dataclass(frozen=True)
class EditMark:
    """The record of an edit.

    Args:
        tool: The tool and its version.
        description: The edit in words.
        faces: Crops of the edited faces with their new expressions, for the watermark; not stored in the file.
    """

    tool: str
    description: str
    faces: tuple[tuple[Crop, str], ...] = dataclasses.field(default=(), compare=False, repr=False)


def mark_edit(
    earlier: EditMark | None, expression: str, crops: Sequence[Crop], each: Sequence[str] | None = None
) -> EditMark:
    """The record of an edit; earlier edits of other faces are kept.

    Args:
        earlier: The record of what was done before.
        expression: What it was edited to, in words.
        crops: Crops of the edited faces.
        each: What each of these faces was edited to; by default all to `expression`.
    """
    each = each or [expression] * len(crops)
    others = [face for face in (earlier.faces if earlier else ()) if not any(_same_face(face[0], new) for new in crops)]
    faces = (*others, *zip(crops, each, strict=True))
    return EditMark(f"facerelief {__version__}", f"facial expression edited to {expression}", faces)


def _same_face(one: Crop, other: Crop) -> bool:
    """Whether the centre of one lies in the inner half of the other."""
    middle = np.full((1, 2), one.size / 2)
    place = other.to_crop(one.to_photo(middle)) / other.size
    return bool((abs(place - 0.5) < 0.25).all())


def pack_xmp(mark: EditMark) -> bytes:
    """The record as an XMP packet, UTF-8."""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="{_XMP}" xmlns:dc="{_DC}" xmlns:Iptc4xmpExt="{_IPTC}">
<xmp:CreatorTool>{escape(mark.tool)}</xmp:CreatorTool>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{escape(mark.description)}</rdf:li></rdf:Alt></dc:description>
<Iptc4xmpExt:DigitalSourceType>{EDITED}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def parse_xmp(packet: object) -> EditMark | None:
    """The record in an XMP packet, as elements (`pack_xmp`) or attributes (other programs), or None."""
    if not isinstance(packet, bytes):
        return None
    try:
        root = ElementTree.fromstring(packet.rstrip(b"\0 \n"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    if _field(root, _IPTC, "DigitalSourceType") != EDITED:
        return None
    return EditMark(_field(root, _XMP, "CreatorTool"), _field(root, _DC, "description"))


def to_comment(mark: EditMark) -> str:
    """The record as the comment of a video or GIF."""
    return f"{mark.description} by {mark.tool}"


def from_comment(comment: str) -> EditMark | None:
    """The record in a comment that `to_comment` wrote, or None."""
    description, found, version = comment.partition(MADE_BY)
    return EditMark(f"{MADE_BY.split()[-1]} {version.strip()}", description) if found else None


def _field(root: ElementTree.Element, space: str, name: str) -> str:
    tag = f"{{{space}}}{name}"
    for node in root.iter():
        if node.tag == tag:
            return "".join(node.itertext()).strip()
        if tag in node.attrib:
            return node.attrib[tag]
    return ""
