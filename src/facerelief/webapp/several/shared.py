"""What server processes share, by a folder that all of them know."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facerelief.webapp.several.shared_rates import SharedRates


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
