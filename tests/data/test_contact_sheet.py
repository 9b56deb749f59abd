import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from facerelief.data.manifest import Reject
from facerelief.data.review.contact_sheet import MOST_BYTES, _data_uri, write_contact_sheet
from facerelief.data.review.limits import Thresholds
from facerelief.data.review.selection import review

PAIRED = {
    "html",
    "head",
    "body",
    "main",
    "header",
    "section",
    "figure",
    "figcaption",
    "div",
    "table",
    "tbody",
    "ul",
    "h3",
}


class Page(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words, self.section = [], [], {}, ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in PAIRED:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attributes)["id"]

    def handle_endtag(self, tag):
        if tag in PAIRED:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words[self.section] = self.words.get(self.section, "") + data + " "

    def all(self, tag, name):
        return [attributes[name] for found, attributes in self.tags if found == tag and name in attributes]


def picture(uri):
    assert uri.startswith("data:image/jpeg;base64,")
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB")).astype(float)


STRANGE = "a&b<i>'\""


@pytest.fixture
def dataset(handmade):
    """Every kind of thing that a page can show."""
    handmade.add("frontal", expression="happiness")
    handmade.add(STRANGE, expression="happiness", identity="<script>x</script>", yaw=12.0)
    handmade.add("side", expression="anger", yaw=50.0)
    handmade.add("blurry", expression="anger", sharpness=0.01, pitch=-60.0)
    handmade.add("near", face_size=10.0, coverage=0.4)
    handmade.add("twin", like="frontal", expression="happiness", yaw=3.0)
    handmade.add("laugh", expression="happiness")
    handmade.add("cry", like="laugh", expression="sadness")
    handmade.add("saved", expression="fear", yaw=60.0)
    handmade.add("gone")
    handmade.rejects = [
        Reject("photos/dark.jpg", "fear", "x", "no usable face", "no face found"),
        Reject("photos/<b>.jpg", "fear", "y", "unreadable", "truncated & empty"),
    ]
    path = handmade.write()
    handmade.overrule("rgb/saved.png,keep,,good")
    (path / "mesh/gone.npz").unlink()
    review(path)
    return path


@pytest.fixture
def text(dataset):
    assert write_contact_sheet(dataset) == dataset / "review.html"
    return (dataset / "review.html").read_text(encoding="utf-8")


def test_the_page_asks_the_network_for_nothing(text):
    page = Page(text)
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in page.all("img", "src"))
    assert all(link.startswith("#") for link in page.all("a", "href"))
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "video"})
    rest = re.sub(r"data:image/jpeg;base64,[\w+/=]+", "", text)
    assert not re.search(r"https?:|url\(|@import|srcset|//\w", rest)


def test_links_lead_somewhere(text):
    page = Page(text)
    assert {link[1:] for link in page.all("a", "href")} <= set(page.all("section", "id"))


def test_every_reason_is_shown_with_its_example(text):
    words = Page(text).words["left-out"]
    for reason, name in {
        "profile: yaw 50": "rgb/side.png",
        "tilted: pitch -60": "rgb/blurry.png",
        "blurred: sharpness 0.010": "rgb/blurry.png",
        "small face: 10 pixels": "rgb/near.png",
        "cut off: 40% of the face in the photo": "rgb/near.png",
        "duplicate of rgb/frontal.png": "rgb/twin.png",
        "label conflict with rgb/cry.png (sadness)": "rgb/laugh.png",
        "files damaged: no mesh/gone.npz": "rgb/gone.png",
    }.items():
        assert reason in words
        assert name in words
        assert re.search(rf"{re.split(':| of | with ', reason)[0]}\s+[12]\b", words)


def test_kept_overruled_and_rejected_photos_have_their_places(text):
    words = Page(text).words
    assert "rgb/frontal.png" in words["kept"]
    assert "rgb/side.png" not in words["kept"]
    assert "kept by hand (good)" in words["by-hand"]
    assert "rgb/frontal.png" in words["doubtful"]
    assert "photos/dark.jpg" in words["no-sample"]
    assert "no usable face" in words["no-sample"]
    assert "overrides.csv" in words["overrule"]
    assert "file_name,decision,expression,note" in words["overrule"]


def test_numbers_of_the_classes(text):
    words = " ".join(Page(text).words["classes"].split())
    assert "happiness 2 2 0" in words
    assert "fear 1 0 2" in words
    assert "all 3 7 2" in words


def test_names_are_escaped(text):
    page = Page(text)
    assert f"rgb/{STRANGE}.png" in page.words["kept"]
    assert "photos/<b>.jpg" in page.words["no-sample"]
    assert "truncated & empty" in page.words["no-sample"]
    assert "happiness, <script>x</script>" in page.all("img", "alt")
    assert "<script" not in text.replace("&lt;script", "")


def thumbnails(page, alt):
    return [picture(attributes["src"]) for tag, attributes in page.tags if tag == "img" and attributes["alt"] == alt]


def small(pixels):
    return np.asarray(Image.fromarray(pixels).resize((96, 96), Image.Resampling.LANCZOS)).astype(float)


def test_a_face_stands_beside_its_depth(text, handmade, dataset):
    shown = thumbnails(Page(text), "anger, side")[0]
    assert shown.shape == (96, 192, 3)
    with Image.open(dataset / "rgb/side.png") as image:
        assert np.abs(shown[:, :96] - small(np.asarray(image))).mean() < 12
    depth = shown[:, 96:, 0]
    assert depth[48, 48] > depth[48, 20] + 40  # near is bright
    assert depth[:8, :8].max() < 20  # the background is black


def test_a_duplicate_stands_beside_its_twin(text, dataset):
    shown = thumbnails(Page(text), "happiness, twin")[0]
    with Image.open(dataset / "rgb/frontal.png") as image:
        assert np.abs(shown[:, 96:] - small(np.asarray(image))).mean() < 12


def test_the_page_is_the_same_each_time_and_goes_where_it_is_told(dataset, text, tmp_path):
    out = write_contact_sheet(dataset, tmp_path / "sheet.html")
    assert out == tmp_path / "sheet.html"
    assert out.read_text(encoding="utf-8") == text


def test_limits_colour_the_histograms(dataset, tmp_path):
    def beyond(thresholds):
        page = Page(write_contact_sheet(dataset, tmp_path / "sheet.html", thresholds).read_text(encoding="utf-8"))
        return page.all("rect", "class").count("out")

    assert beyond(Thresholds()) > beyond(Thresholds(max_yaw=90)) > 0


def test_light_dark_and_small_screens(text):
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_missing_pictures_and_empty_datasets_still_give_a_page(handmade):
    path = handmade.write()
    Page(write_contact_sheet(path).read_text(encoding="utf-8"))
    handmade.add("a")
    handmade.write()
    (path / "rgb/a.png").unlink()
    (path / "depth/a.png").write_bytes(b"no picture")
    tile = thumbnails(Page(write_contact_sheet(path).read_text(encoding="utf-8")), "neutral, a")[0]
    assert np.ptp(tile) < 10


def test_many_faces_make_a_bounded_page(handmade):
    for k in range(80):
        handmade.add(f"face{k}", yaw=0.0 if k < 60 else 40.0)
    path = handmade.write()
    review(path)
    page = Page(write_contact_sheet(path).read_text(encoding="utf-8"))
    assert len(page.all("img", "src")) == 20 + 48 + 24 + 1  # left out, doubtful, kept, and the average


def test_no_thumbnail_is_large():
    noise = np.random.default_rng(0).integers(0, 256, (96, 192, 3), dtype=np.uint8)
    assert len(base64.b64decode(_data_uri(noise).partition(",")[2])) <= MOST_BYTES
