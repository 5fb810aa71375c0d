"""Generates the mouths of a dub: crops as in the training, drawn by the model, in the colours of the face around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets.mels.settings import MelSettings
from cals_models.shards.crop_sizes import lower_rows
from pipelines.dubbing.dub_audio import dub_mel
from pipelines.dubbing.match_colours import ColourMatch
from pipelines.dubbing.paste_mouth import lower_face_mask

if TYPE_CHECKING:
    from cals_models.inference.frame_generator import UnitGenerator

Crop = NDArray[np.uint8]


class MouthGenerator:
    """Generates mouths that follow the audio, tick by tick and face by face.

    Attributes:
        crop_px: S, side of the crops that the model is given and draws.
    """

    def __init__(
        self,
        generator: UnitGenerator,
        voices: Sequence[NDArray[np.int16]],
        mels: MelSettings,
        *,
        num_ticks: int,
        stretch_voices: Sequence[int],
        batch_frames: int,
    ) -> None:
        """Reads the audio of each voice.

        Args:
            generator: with its weights.
            voices: int16 (n,), 16 kHz each, from the start of the dub on.
            mels: settings of the mel.
            num_ticks: length of the dub.
            stretch_voices: number of the voice that each stretch follows.
            batch_frames: frames that are generated at once.
        """
        import torch

        from cals_models.speech_level import at_level_throughout

        self._generator = generator
        self._batch_frames = batch_frames
        self.crop_px = generator.crop_px
        mask = lower_face_mask(generator.crop_px)
        self._matches = [ColourMatch(mask) for _ in stretch_voices]
        self._stretch_voices = stretch_voices
        # Audio louder than that of the training would open the mouth unnaturally wide.
        level = generator.speech_level
        self._units = []
        for mono in voices:
            mel = torch.from_numpy(dub_mel(mono, num_ticks, mels))
            self._units.append(
                generator.units_from_mel(mel if level is None else at_level_throughout(mel, level))
            )

    def generate(
        self, true: Mapping[tuple[int, int], Crop], references: Mapping[tuple[int, int], Crop]
    ) -> dict[tuple[int, int], Crop]:
        """The generated crops of some ticks, in the colours of the true ones.

        The source's open mouth is never given: it would show through, and the mouths would follow the source beside the
        audio (docs/dubbing.md has what was measured). The reference is the frame itself with its mouth closed, so that pose,
        light and skin are those of the frame.

        Args:
            true: (tick, number of the stretch) -> true crop (S, S, 3) RGB; at least one.
            references: the same crops with their mouths closed, under the same keys.

        Returns:
            The generated crops (S, S, 3) RGB under the same keys.
        """
        crops = self._draw(
            np.stack(list(true.values())), np.stack([references[key] for key in true]), list(true)
        )
        return {key: self._matches[key[1]](crop, true[key]) for key, crop in zip(true, crops, strict=True)}

    def generate_still(
        self, place: int, true: Crop, reference: Crop, ticks: Sequence[int]
    ) -> NDArray[np.uint8]:
        """Crops (N, S, S, 3) RGB in which nothing but the audio moves, in the model's own colours.

        Args:
            place: number of the stretch, whose voice is followed.
            true: crop of one frame, (S, S, 3) RGB.
            reference: the same with its mouth closed.
            ticks: whose audio is followed.
        """
        num = len(ticks)
        return self._draw(
            np.stack([true] * num), np.stack([reference] * num), [(tick, place) for tick in ticks]
        )

    def _draw(
        self, pose: NDArray[np.uint8], reference: NDArray[np.uint8], keys: Sequence[tuple[int, int]]
    ) -> NDArray[np.uint8]:
        """Crops (N, S, S, 3) as the model draws them, for ticks and stretches."""
        import torch

        lower_rows(pose)[:] = 0  # the generator hides these rows as well
        batches = self._generator.render_batches(
            torch.from_numpy(pose),
            torch.from_numpy(reference),
            torch.stack([self._units[self._stretch_voices[place]][tick] for tick, place in keys]),
            self._batch_frames,
        )
        return np.concatenate([batch.numpy() for batch in batches])
