"""How the inside of a mouth looks: brightness and colour of teeth, gums, tongue and the dark behind them.

Profiles were measured on 12 open smiles of the London set (none of the held-out people): lips, corners of the mouth and
the contacts of teeth; how bright highlights are on 11 of them. How dark an open mouth is comes from 111 surprised
people of muxspace/facial_expressions, its hue from 199 portraits of Hainish/congress-images-225x275. Where highlights
lie, corners of teeth and of the mouth, and the lips' inner sides were set by eye. Distances are in inter-ocular
distances.
"""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Bool, Float32, Floats
from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.geometry.filters import closing
from facerelief.geometry.transfer.mouth.maps import GAP

# Share of red, green and blue that a lip takes from the teeth right at it, and how far its shade reaches. Light that
# comes from the lip itself is red, so red loses least.
_UPPER_SHADE, _UPPER_REACH = np.array((0.26, 0.42, 0.45)), 0.02
_LOWER_SHADE, _LOWER_REACH = np.array((0.06, 0.19, 0.17)), 0.009
_FRONT, _MOLARS = 0.09, 0.3  # from the middle: up to here teeth are as bright as in the middle; from here darkest
_ASIDE = np.array((0.88, 0.83, 0.79))  # colour of teeth there: less light, and canines and molars are yellower
_TRANSLUCENT, _EDGE = np.array((0.95, 0.98, 0.99)), 0.03  # colour at the edges of front teeth, and its height
# Radius of a tooth's corners, by its distance from the middle, and the light that is left between them.
_ROUNDED_AT, _ROUNDED, _NOTCH = (0.06, 0.18, 0.27), (0.045, 0.055, 0.07), 0.4
_CONTACT, _CONTACT_REACH = 0.18, 0.01  # shade where teeth touch
_CORNER, _CORNER_REACH = (0.4, 0.8), 0.1  # light that is left at the corners of the mouth, on teeth and on flesh
_THIN = 0.05  # over which the inside goes over into the lips there
_TOOTH_AMBIENT, _TOOTH_OPEN = 0.75, 0.85  # light without a direction; least that reaches between teeth: enamel scatters
_TOOTH_GAIN, _DIM = 2.0, 0.12  # of light through the opening, so that front teeth are fully lit; scattered to the back
_UNDER, _UNDER_REACH, _LOWER_JAW = 0.55, 0.04, 0.1  # shade below the edges of upper teeth; of all lower teeth
_SHADE_REDDENS = np.array((0.85, 1.08, 1.15))  # exponents: what lights teeth in that shade comes from tongue and lips
_GLOSS, _SHARP, _WET = 0.8, 130, 0.35  # of a wet surface: strength and exponent (Phong, 1975); share on a tongue
# Highlights of front teeth, of the lamps that light a face: strength; height above the edges of teeth, and its
# deviation; distance from a tooth's sides over which one begins; from the middle of the mouth, over which they end.
_SPOT, _SPOT_AT, _SPOT_HIGH, _SPOT_BEGINS, _SPOTS_END = 0.22, 0.09, 0.022, (0.03, 0.065), (0.12, 0.26)
_SPOT_POWER, _SPOT_WHITE = 8, 0.3  # exponents: of how teeth face it, which differs; of the teeth's colour
_SPOT_FULL = 0.45  # luminance of teeth below which a photo is dark, and so are they
_DULL = 0.7  # cosine below which nothing is seen of it; powers that are next to nothing take long
# Of the teeth's colour: gums and palate, and a tongue, whatever colour lips have.
_GUMS, _TONGUE = np.array((0.63, 0.43, 0.42)), np.array((0.66, 0.335, 0.36))
# Light on them, and how it grows with the share that comes through the opening: so that open mouths have their profile,
# and a tongue gets darker to the back.
_FLESH_AMBIENT, _FLESH_GAIN, _FLESH_OPEN, _FLESH_DEPTH = (0.4, 0.05), (45.0, 18.0), 0.3, 3.0
_DARKEST = 0.09  # of the colour of flesh: the luminance in the depth of an open mouth
_REDDENS = np.array((0.9, 1.06, 1.08))  # exponents by which light that is reflected again and again gets redder
# Of the lips' colour, the wet sides that turn inwards: that of the lower lip, and of the upper one, in its own shade.
_LOWER_RIM, _UPPER_RIM = np.array((0.8, 0.66, 0.66)), np.array((0.55, 0.38, 0.38))
_RIM_HEIGHT, _RIM_WIDEST, _UPPER_THIN = 0.09, 0.025, 0.5  # of the opening; at most; share of it for the upper lip


@dataclass(frozen=True, eq=False)
class Surface:
    """What each pixel of a picture shows, (S, S) each, and its scale.

    Attributes:
        facing: Cosine of the angle to the light.
        exposure: Share of light that teeth and gums around it leave.
        tooth: 1 on teeth, 0 on gums and tongue.
        aside: Distance from the middle of the teeth.
        edge: Distance from the edge of a front tooth; large elsewhere.
        side: Distance from its sides; large elsewhere.
        jaw: Share of the lower jaw's motion: 0 on upper teeth, 1 on lower ones.
        level: Brightness of this tooth and place, as a share of that of teeth.
        gloss: Cosine, like `facing`, of the rough surface.
        reached: Share of light through the opening of the lips that reaches it.
        unit: Pixels in an inter-ocular distance.
    """

    facing: Floats
    exposure: Floats
    tooth: Floats
    aside: Floats
    edge: Floats
    side: Floats
    jaw: Floats
    level: Floats
    gloss: Floats
    reached: Floats
    unit: float


def lit(surface: Surface, teeth: Floats, coloured: float) -> Floats:
    """The picture (S, S, 3), levels in [0, 1], without the lips' shade.

    Args:
        surface: What it shows.
        teeth: (3,), the colour of lit teeth, levels in [0, 1].
        coloured: 0 of a grey photo to 1 of one in full colour.
    """
    open_, diffuse = surface.exposure, surface.facing
    tooth = (_TOOTH_AMBIENT + (1 - _TOOTH_AMBIENT) * diffuse) * np.minimum(_TOOTH_OPEN + open_, 1)
    side = smoothstep((surface.aside - _FRONT) / (_MOLARS - _FRONT))
    tooth = tooth * surface.level
    reddens, reddens_in_shade = (_planar(1 + coloured * (powers - 1)) for powers in (_REDDENS, _SHADE_REDDENS))
    shade = _under_teeth(surface) ** reddens_in_shade
    deep = np.clip(_TOOTH_GAIN * surface.reached, _DIM, 1) ** reddens
    translucent = 1 - smoothstep(surface.edge / _EDGE)
    hue = 1 - side * _planar(1 - _toned(_ASIDE, coloured))
    hue = deep * shade * hue * (1 - translucent * _planar(1 - _toned(_TRANSLUCENT, coloured)))
    ambient, gain = (above + (below - above) * surface.jaw for above, below in (_FLESH_AMBIENT, _FLESH_GAIN))
    flesh = (ambient + (1 - ambient) * diffuse) * np.minimum(_FLESH_OPEN + open_, 1)
    flesh = _DARKEST + (1 - _DARKEST) * flesh * (1 - np.exp(-gain * surface.reached**_FLESH_DEPTH))
    flesh = flesh * surface.level
    gums, tongue = (_planar(_toned(colour, coloured)) for colour in (_GUMS, _TONGUE))
    red = flesh**reddens * (gums + (tongue - gums) * surface.jaw)
    towards = np.where(surface.gloss > _DULL, np.minimum(surface.gloss, 1), 0)
    share = surface.tooth * (1 - side * surface.jaw)  # cheeks and tongue hide lower molars
    gloss = _GLOSS * (_WET + (1 - _WET) * share) * towards**_SHARP * np.clip(surface.reached, 0, 1)
    colours = _planar(teeth) * (share * tooth * hue + (1 - share) * red + gloss)
    spots = teeth**_SPOT_WHITE * min(1.0, float(teeth @ LUMA) / _SPOT_FULL)
    return np.moveaxis(colours + _planar(spots) * _highlights(surface), 0, 2)


def _highlights(surface: Surface) -> Floats:
    """What (S, S) the lamps that light a face add to the middle of each front tooth: enamel is smooth and wet."""
    begins, ends = (
        smoothstep((places - low) / (high - low))
        for places, (low, high) in ((surface.side, _SPOT_BEGINS), (surface.aside, _SPOTS_END))
    )
    along = np.exp(-0.5 * ((surface.edge - _SPOT_AT) / _SPOT_HIGH) ** 2)
    faced = np.clip(surface.gloss, 0, 1) ** _SPOT_POWER * np.clip(surface.reached, 0, 1)
    spots: Floats = _SPOT * surface.tooth * begins * (1 - ends) * along * faced
    return spots


def _planar(colour: Floats) -> Float32:
    """A colour (3,) as (3, 1, 1): pictures are computed colour by colour, and only seen as (S, S, 3)."""
    return colour.astype(np.float32)[:, None, None]


def _under_teeth(surface: Surface) -> Floats:
    """Share of light (S, S) that the upper teeth leave to what is below their edges."""
    rows = np.arange(len(surface.tooth))[:, None]
    upper = (surface.tooth > 0.5) & (surface.jaw < 0.5)
    last = np.maximum.accumulate(np.where(upper, rows, -len(rows)), axis=0)
    left: Floats = 1 - ~upper * _UNDER * np.exp((last - rows) / (_UNDER_REACH * surface.unit))
    return left * (1 - _LOWER_JAW * surface.jaw)


def between_edges(colours: Floats, surface: Surface, coloured: float) -> Floats:
    """A picture (S, S, 3) with the dark that is seen between the rounded corners of neighbouring teeth."""
    radius = np.interp(surface.aside, _ROUNDED_AT, _ROUNDED) * (1 - 0.5 * surface.jaw)
    corner = np.hypot(np.maximum(radius - surface.edge, 0), np.maximum(radius - surface.side, 0))
    beyond = smoothstep((corner - radius) * surface.unit)
    beyond = closing(beyond, (1, max(3, round(GAP * surface.unit))))
    touching = 1 - _CONTACT * np.exp(-surface.side / _CONTACT_REACH)
    notch = _planar(1 - _NOTCH ** (1 + coloured * (_SHADE_REDDENS - 1)))
    return np.moveaxis(touching * np.moveaxis(colours, 2, 0) * (1 - beyond * notch), 0, 2)


def shaded_by_lips(colours: Floats, mask: Bool, tooth: Floats, unit: float, lips: Floats, coloured: float) -> Floats:
    """A picture (S, S, 3) of a mouth's inside with the shade of the lips, and with what of them turns inwards.

    Args:
        colours: The picture.
        mask: (S, S), the opening of the lips.
        tooth: (S, S), 1 on teeth: they hide the upper lip's inner side.
        unit: Pixels in an inter-ocular distance.
        lips: (3,), their colour, levels in [0, 1].
        coloured: As in `lit`.
    """
    planes = np.moveaxis(colours, 2, 0)
    above, below = (np.cumsum(mask[::way], axis=0, dtype=np.float32)[::way] / np.float32(unit) for way in (1, -1))
    for distance, shade, reach in ((above, _UPPER_SHADE, _UPPER_REACH), (below, _LOWER_SHADE, _LOWER_REACH)):
        planes = planes * (1 - np.exp(-distance / reach) * _planar(_toned(shade, coloured)))
    columns = np.flatnonzero(mask.any(axis=0))
    if len(columns):
        x = np.arange(mask.shape[1], dtype=np.float32)
        aside = np.minimum(x - columns[0], columns[-1] - x) / unit
        left = _CORNER[1] + (_CORNER[0] - _CORNER[1]) * tooth
        planes = planes * (left + (1 - left) * smoothstep(aside / _CORNER_REACH))
    width = np.maximum(np.minimum(_RIM_WIDEST, _RIM_HEIGHT * (above + below)), 1e-6)
    for distance, rim, thin, shown in ((above, _UPPER_RIM, _UPPER_THIN, 1 - tooth), (below, _LOWER_RIM, 1.0, 1.0)):
        share = shown * np.exp(-((distance / (thin * width)) ** 2))
        planes = planes + share * (_planar(_toned(rim, coloured) * lips) - planes)
    return np.moveaxis(planes, 0, 2)


def thin_corners(mask: Bool, unit: float) -> Float32:
    """An opening (S, S) as opacity: at its corners, where lips touch, it goes over into them."""
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return mask.astype(np.float32)
    x = np.arange(mask.shape[1])
    aside = np.minimum(x - columns[0], columns[-1] - x) / unit
    return np.asarray(mask * smoothstep(aside / _THIN), dtype=np.float32)


def _toned(colour: Floats, coloured: float) -> Floats:
    """A colour (3,), as grey as a photo is."""
    toned: Floats = colour @ LUMA + coloured * (colour - colour @ LUMA)
    return toned
