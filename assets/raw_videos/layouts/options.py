"""Options of a layout, from a dataset's entry in `cals.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from assets.project.settings_gate import checked_fields
from assets.raw_videos.layouts.source_clip import LayoutError
from cals_models.declarations.bounds import NotNegative
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class LayoutOptions(Settings):
    """Options of a layout.

    Args:
        seed: of the splits that are drawn, where the dataset comes without (grid, hdtf, folder).
        val_share: share of the speakers or videos in the drawn split val.
        test_share: share of the speakers or videos in the drawn split test.
        split_by: `speaker` keeps each speaker in one split, `video` ignores speakers, `auto` takes `speaker` where
            there are at least three.
        use_pretrain: LRS2: clips of `pretrain` join the train split.
    """

    seed: int = 0
    val_share: NotNegative = 0.1
    test_share: NotNegative = 0.1
    split_by: Literal["auto", "speaker", "video"] = "auto"
    use_pretrain: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.val_share + self.test_share >= 1:
            raise ValueError(
                f"val_share is {self.val_share} and test_share {self.test_share}; give shares of 0 or more, sum below 1"
            )


def layout_options(values: Mapping[str, object]) -> LayoutOptions:
    """Options from plain data.

    Raises:
        LayoutError: unknown name or wrong value.
    """
    try:
        return LayoutOptions(**checked_fields(LayoutOptions, values, "options"))
    except ValueError as error:
        raise LayoutError(str(error)) from error
