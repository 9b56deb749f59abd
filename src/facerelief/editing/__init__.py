"""Photo in, edited photo out: editors, and what they give back."""

from facerelief.editing.editor import Edit, EditedFace, Editor, EditPlan
from facerelief.editing.loading import DEFAULT, METHODS, load_editor, weights_file

__all__ = ["DEFAULT", "METHODS", "Edit", "EditPlan", "EditedFace", "Editor", "load_editor", "weights_file"]
