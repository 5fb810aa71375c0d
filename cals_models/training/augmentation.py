"""Random changes of a sample's frames, the same for all of them, by which a network learns little of who is shown."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Relighting:
    """A change of brightness, contrast and colour balance.

    Args:
        gains: (3,), by which red, green and blue are multiplied.
        lift: grey levels that are added.
    """

    gains: npt.NDArray[np.float32]
    lift: np.float32

    def __call__(self, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Frames (..., 3), RGB, changed and cut to 0 to 255."""
        relit: npt.NDArray[np.float32] = frames * self.gains + self.lift
        return relit.clip(0, 255, out=relit).astype(np.uint8)


def draw_relighting(jitter: float, generator: np.random.Generator) -> Relighting:
    """A random change.

    Args:
        jitter: largest relative change, 0 to 1.
        generator: decides it.
    """
    gains = generator.uniform(1 - jitter, 1 + jitter) * generator.uniform(1 - jitter, 1 + jitter, 3)
    lift = 128 * generator.uniform(-jitter, jitter)
    return Relighting(gains.astype(np.float32), np.float32(lift))
