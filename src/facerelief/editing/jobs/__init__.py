"""Edits from files to files: which photos a user names, where edits go, and batches that can be resumed."""

from facerelief.editing.jobs.batch import make_jobs, run_batch
from facerelief.editing.jobs.inputs import Input, expand
from facerelief.editing.jobs.job import EditJob, EditOutcome, EditSettings
from facerelief.editing.jobs.outputs import all_targets
from facerelief.editing.jobs.photo_job import FileEditor

__all__ = [
    "EditJob",
    "EditOutcome",
    "EditSettings",
    "FileEditor",
    "Input",
    "all_targets",
    "expand",
    "make_jobs",
    "run_batch",
]
