"""What server processes share, by a folder that all of them know."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from facerelief.errors import FacereliefError
from facerelief.webapp.several.shared_rates import SharedRates

_MOST_BYTES = 103  # of a socket's path; Linux takes four more than macOS
_WITHIN = len("/facerelief-12345678/12.metrics")


@contextlib.contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder for `Shared`, among the temporary ones of the system, for as long as it is needed.

    Raises:
        FacereliefError: There can be none.
    """
    with contextlib.ExitStack() as stack:
        try:
            place = tempfile.gettempdir()
            if len(os.fsencode(place)) + _WITHIN > _MOST_BYTES:  # batch systems name long ones by TMPDIR
                place = "/tmp"
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="facerelief-", dir=place))
        except OSError as reason:
            raise FacereliefError(
                f"server processes have no folder to share: {reason}; set TMPDIR to a folder with a short name"
            ) from reason
        yield Path(made)


@dataclass(frozen=True)
class Shared:
    """One process's view of it.

    Args:
        folder: Of this server alone, readable by this user alone.
        number: The process's, from 0.
    """

    folder: Path
    number: int

    def rates(self, per_minute: int) -> SharedRates:
        """Rate limits of all processes together."""
        return SharedRates(per_minute, self.folder / "rates")

    def metrics(self, own: Callable[[], bytes]) -> Callable[[], bytes]:
        """The metrics of all processes; own: those of this one."""
        from facerelief.webapp.several.summed_metrics import SummedMetrics

        return SummedMetrics(self.folder, self.number, own).text
