"""Opening films with PyAV (FFmpeg), and what their containers say of them."""

from pathlib import Path
from typing import Any

from facerelief.errors import MissingExtra, VideoError
from facerelief.files import check_file

MADE_BY = " by facerelief "  # within the comment of an edited film or GIF; the version follows
# Demuxers of single files; others are lists of further files and addresses, which a film must not make us open.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg"


def film_library() -> Any:
    """PyAV, silent. Raises `MissingExtra`."""
    try:
        import av
    except ImportError as reason:
        raise MissingExtra("av", "video") from reason
    av.logging.set_level(None)  # what is wrong is told by us
    return av


def open_film(path: Path) -> Any:
    """The container of a film, of one file alone. Raises `VideoError` where it is none, and `MissingExtra`."""
    av = film_library()
    try:
        check_file(path)
    except FileNotFoundError as reason:
        raise VideoError(f"{path} does not exist; check the name") from reason
    except (OSError, ValueError) as reason:
        said = getattr(reason, "strerror", None) or reason
        raise VideoError(f"{path} cannot be opened ({said}); check the name") from reason
    limits = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path}", container_options=limits)
    except (av.error.FFmpegError, OSError, ValueError) as reason:
        said = "empty" if not path.stat().st_size else "not a video, truncated or damaged"
        raise VideoError(f"{path} is {said}; give an MP4, MOV, MKV, WebM or AVI video") from reason


def film_comment(path: Path) -> str:
    """The comment in a film's metadata, "" where there is none. Raises as `open_film`."""
    with open_film(path) as container:
        return {name.lower(): text for name, text in container.metadata.items()}.get("comment", "")
