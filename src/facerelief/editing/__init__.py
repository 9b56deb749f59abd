"""Photo in, edited photo out: editors, and what they give back; continua, and what faces show."""

from facerelief.editing.continuum import (
    TIMINGS,
    Continuum,
    ContinuumFiles,
    FrameMeasures,
    continuum_files,
    make_continuum,
    shares_of_motion,
    write_continuum,
)
from facerelief.editing.edit import Edit, EditedFace, EditPlan
from facerelief.editing.editor import Editor
from facerelief.editing.loading import DEFAULT, METHODS, load_editor, weights_file
from facerelief.editing.measuring import MeasuredFace, measure_faces, measure_photo

__all__ = [
    "DEFAULT",
    "METHODS",
    "TIMINGS",
    "Continuum",
    "ContinuumFiles",
    "Edit",
    "EditPlan",
    "EditedFace",
    "Editor",
    "FrameMeasures",
    "MeasuredFace",
    "continuum_files",
    "load_editor",
    "make_continuum",
    "measure_faces",
    "measure_photo",
    "shares_of_motion",
    "weights_file",
    "write_continuum",
]
