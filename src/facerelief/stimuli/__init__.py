"""Photos of faces as stimuli for experiments: aligned, masked, equal in luminance and contrast."""

from facerelief.stimuli.averaging import AverageFace
from facerelief.stimuli.luminance import (
    HistogramTarget,
    LuminanceTarget,
    face_oval,
    match_histogram,
    match_luminance,
)
from facerelief.stimuli.making import StimulusSettings, make_stimuli, stimulus_files
from facerelief.stimuli.scrambling import scramble_phase

__all__ = [
    "AverageFace",
    "HistogramTarget",
    "LuminanceTarget",
    "StimulusSettings",
    "face_oval",
    "make_stimuli",
    "match_histogram",
    "match_luminance",
    "scramble_phase",
    "stimulus_files",
]
