"""Opening videos with PyAV (FFmpeg), and the comment in their containers."""

from pathlib import Path
from typing import Any

from facerelief.errors import MissingExtra, VideoError
from facerelief.files import check_file

MADE_BY = " by facerelief "  # in the comment of an edited video or GIF; the version follows
# Demuxers of single files. Others are lists of files and addresses, which a video must not open.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg"


def import_pyav() -> Any:
    """PyAV without log output. Raises `MissingExtra` if it is not installed."""
    try:
        import av
    except ImportError as reason:
        raise MissingExtra("av", "video") from reason
    av.logging.set_level(None)  # errors are reported by this package
    return av


def open_video(path: Path) -> Any:
    """Open a video's container. Raises `VideoError` if it is not a video, and `MissingExtra`."""
    av = import_pyav()
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


def video_comment(path: Path) -> str:
    """The comment in a video's metadata, or "". Raises as `open_video`."""
    with open_video(path) as container:
        return {name.lower(): text for name, text in container.metadata.items()}.get("comment", "")
