"""Reading untrusted files within limits, and writing files atomically."""

from facerelief.files.disk import (
    atomic,
    check_file,
    check_writable,
    is_partial,
    open_file,
    override_replace,
    read_file,
    rename_new,
    sha256,
    write_json,
    write_text,
)
from facerelief.files.locks import lock_folder
from facerelief.files.packaged import packaged_file

__all__ = [
    "atomic",
    "check_file",
    "check_writable",
    "is_partial",
    "lock_folder",
    "open_file",
    "override_replace",
    "packaged_file",
    "read_file",
    "rename_new",
    "sha256",
    "write_json",
    "write_text",
]
