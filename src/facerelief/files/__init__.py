"""Files that are read with limits, whoever wrote them, and written whole or not at all."""

from facerelief.files.disk import (
    alone_in,
    atomic,
    check_file,
    guarded,
    is_partial,
    move_new,
    open_file,
    read_file,
    sha256,
    write_json,
    write_text,
)

__all__ = [
    "alone_in",
    "atomic",
    "check_file",
    "guarded",
    "is_partial",
    "move_new",
    "open_file",
    "read_file",
    "sha256",
    "write_json",
    "write_text",
]
