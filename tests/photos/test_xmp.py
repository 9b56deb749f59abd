"""The mark of an edited photo, as an XMP packet."""

from xml.etree import ElementTree

import pytest

from facerelief.photos.provenance.xmp import EditMark, pack_xmp, parse_xmp

MARK = EditMark("facerelief <1>", 'sadness & "joy", naïvely')
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def test_a_packet_is_rdf_with_the_iptc_source_type() -> None:
    node = ElementTree.fromstring(pack_xmp(MARK)).find(f"{RDF}RDF/{RDF}Description")
    assert node is not None
    kind = node.findtext("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert kind == SOURCE + "compositeWithTrainedAlgorithmicMedia"
    assert parse_xmp(pack_xmp(MARK)) == MARK


def test_a_packet_that_another_program_wrote_with_attributes() -> None:
    packet = f"""<r:RDF xmlns:r="{RDF[1:-1]}"><r:Description
        xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:x="http://ns.adobe.com/xap/1.0/"
        e:DigitalSourceType="{SOURCE}compositeWithTrainedAlgorithmicMedia" x:CreatorTool="T"/></r:RDF>"""
    assert parse_xmp(packet.encode() + b"\0\0") == EditMark("T", "")


@pytest.mark.parametrize("packet", [None, "text", b"", b"<open>", b"<a/>", b"\xff\xfe<", b"<?xml encoding='no'?><a/>"])
def test_anything_else_is_no_mark(packet: object) -> None:
    assert parse_xmp(packet) is None


def test_a_camera_picture_is_not_marked() -> None:
    assert parse_xmp(pack_xmp(MARK).replace(b"compositeWithTrainedAlgorithmicMedia", b"digitalCapture")) is None
