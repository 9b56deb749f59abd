"""Errors that a user can remedy; the command line prints each as one line and exits with code 2."""


class FacereliefError(Exception):
    """Something the user can put right. The message is one line: what, why, and the remedy."""


class PhotoError(FacereliefError):
    """A file that cannot be read as a photo."""


class VideoError(FacereliefError):
    """A file that cannot be read or written as a video."""


class NoFaceFound(FacereliefError):
    """A photo without a face that can be used."""


class DatasetError(FacereliefError):
    """A dataset that is absent, of another version, or too small for what is asked."""


class CheckpointError(FacereliefError):
    """Weights or training state that are absent, damaged, or of another kind."""


class MissingExtra(FacereliefError):
    """An optional dependency that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(package, extra)  # as given, so that it can be sent between processes

    def __str__(self) -> str:
        package, extra = self.args
        return f"{package} is not installed; install it with: pip install 'facerelief[{extra}]'"
