"""Photo in, edited photo out."""

from facerelief.editing.editor import Edit, Editor, load_editor

__all__ = ["Edit", "Editor", "load_editor"]
