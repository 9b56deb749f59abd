"""What a film's container says of it."""

from pathlib import Path

from facerelief.errors import MissingExtra, VideoError

FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
MADE_BY = " by facerelief "  # within the comment of a film that was edited; the version follows


def film_comment(path: Path) -> str:
    """The comment in a film's metadata, "" where there is none.

    Raises `VideoError` where the file is no film, `MissingExtra` without the library that reads films.
    """
    try:
        import av
    except ImportError as reason:
        raise MissingExtra("av", "video") from reason
    try:
        with av.open(str(path)) as container:
            metadata = {name.lower(): text for name, text in container.metadata.items()}
    except (av.error.FFmpegError, OSError, ValueError) as reason:
        raise VideoError(f"{path} cannot be read as a video; check the file") from reason
    return metadata.get("comment", "")
