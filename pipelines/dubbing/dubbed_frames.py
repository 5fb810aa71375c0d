"""The frames of a dubbed video, in order: the second pass over the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import compose
from pipelines.dubbing.choose_faces import Stretch
from pipelines.dubbing.close_mouth import close_mouth
from pipelines.dubbing.cut_crop import cut_crop
from pipelines.dubbing.face_looks import FaceLooks
from pipelines.dubbing.frame_plan import FramePlan
from pipelines.dubbing.frame_planes import FramePlanes
from pipelines.dubbing.generate_mouths import Crop, MouthGenerator
from pipelines.dubbing.hdr_colours import in_colours_of
from pipelines.dubbing.mouth_readings import Followed, MouthReadings
from pipelines.dubbing.paste_mouth import changed_share, lower_face_mask, paste_mouth
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceFrame, SourceVideo, read_frames
from pipelines.dubbing.visible_mark import draw_mark

Mouths = dict[tuple[int, int], tuple[Crop, NDArray[np.float32]]]
"""(Number of the output frame, number of the stretch) -> generated crop (S, S, 3) RGB and weight (S, S) of its pixels."""


class DubbedFrames:
    """Reads the source in the order of the plan and pastes the generated mouths into its frames.

    Attributes:
        crop_px: S.
        num_dubbed: frames so far that carry a generated mouth.
        num_covered: others, in which something covers the mouth.
        num_bridged: dubbed ones in which a face was not found, so that its place is interpolated.
    """

    def __init__(
        self,
        source: SourceVideo,
        plan: FramePlan,
        readings: MouthReadings,
        mouths: MouthGenerator,
        settings: DubSettings,
        looks: FaceLooks,
        pixel_format: str,
    ) -> None:
        self.num_dubbed, self.num_bridged, self.num_covered = 0, 0, 0
        self._source = source
        self._plan = plan
        self._stretches = readings.stretches
        self._generator = mouths
        self._settings = settings
        self._rest = looks.resting
        self._pixel_format = pixel_format
        self._usual = looks.usual
        self.crop_px = mouths.crop_px
        self._mask = lower_face_mask(mouths.crop_px)
        self._readings = readings

    def frames(self, advance: Callable[[int], None]) -> Iterator[Any]:
        """Upright frames, one for each of the plan; calls ``advance(1)`` after each."""
        for batch in self._batches():
            mouths = self._mouths(batch)
            while batch:  # a frame is let go before the next batch is read
                yield self._dubbed(*batch.pop(0), mouths)
                advance(1)

    def followed(self) -> Followed:
        """What the mouths followed, when all are drawn."""
        return self._readings.followed(self._generator)

    def _batches(self) -> Iterator[list[tuple[int, SourceFrame]]]:
        """Numbered frames of the output, grouped so that each group needs ``batch_frames`` generated mouths."""
        batch: list[tuple[int, SourceFrame]] = []
        first_tick = 0
        for number, frame in enumerate(self._planned_frames()):
            tick = int(self._plan.ticks[number])
            if batch and tick >= first_tick + self._settings.batch_frames:
                yield batch
                batch = []
            if not batch:
                first_tick = tick
            batch.append((number, frame))
        yield batch

    def _planned_frames(self) -> Iterator[SourceFrame]:
        """The source's frames in the order of the plan; a loop opens the file again."""
        frames: Iterator[SourceFrame] = iter(())
        current: SourceFrame | None = None
        for wanted in self._plan.source_frames:
            if current is None or wanted < current.index:
                frames = read_frames(self._source)
                current = next(frames)
            while current.index < wanted:
                current = next(frames)
            yield current

    def _mouths(self, batch: list[tuple[int, SourceFrame]]) -> Mouths:
        """The mouths that a batch needs; the first frame of a tick gives its pose."""
        crops = {
            (number, place): cut_crop(frame.decoded, stretch.transform(frame.index), self.crop_px)
            for number, frame in batch
            for place, stretch in self._drawn(number, frame.index)
        }
        crops = {key: crop for key, crop in crops.items() if not self._usual[key[1]].covers(crop)}
        if not crops:
            return {}
        first: dict[tuple[int, int], Crop] = {}
        references: dict[tuple[int, int], Crop] = {}
        for (number, place), crop in crops.items():
            key = int(self._plan.ticks[number]), place
            if self._rest.weight(*key) < 1 and key not in first:
                first[key] = crop
                references[key] = self._closed(number, place, crop)
                self._readings.keep_still(
                    place, self._number_in_stretch(number, place), crop, references[key]
                )
        generated = self._generator.generate(first, references) if first else {}
        mouths: Mouths = {}
        for (number, place), crop in crops.items():
            tick, frame = int(self._plan.ticks[number]), self._number_in_stretch(number, place)
            mouth = self._rest.mouth(tick, place, frame, crop, generated.get((tick, place)))
            shown = np.float32(self._rest.share_shown(tick, place))
            if shown == 1:
                self._readings.add(tick, place, frame, mouth, self._rest.weight(tick, place))
            mouths[(number, place)] = (mouth, self._mask * changed_share(mouth, crop) * shown)
        return mouths

    def _closed(self, number: int, place: int, crop: Crop) -> Crop:
        """The frame's crop with its mouth closed."""
        stretch = self._stretches[place]
        points = stretch.landmarks[self._number_in_stretch(number, place)]
        return close_mouth(crop, points, stretch.closed_opening)

    def _number_in_stretch(self, number: int, place: int) -> int:
        return int(self._plan.source_frames[number]) - self._stretches[place].first_frame

    def _dubbed(self, number: int, frame: SourceFrame, mouths: Mouths) -> Any:
        planes = FramePlanes(frame.image, frame.display.orientation, self._pixel_format)
        is_dubbed = is_bridged = is_covered = False
        for place, stretch in self._drawn(number, frame.index):
            if (number, place) not in mouths:
                is_covered = True
                continue
            mouth, weight = mouths[(number, place)]
            to_crop = compose(stretch.transform(frame.index), self._source.grid_to_square)
            drawn = mouth if frame.hdr is None else in_colours_of(frame.image, mouth)
            paste_mouth(planes, drawn, to_crop, weight)
            is_dubbed = True
            is_bridged |= not stretch.is_seen(frame.index)
        self.num_dubbed += is_dubbed
        self.num_bridged += is_bridged
        self.num_covered += is_covered and not is_dubbed
        if self._settings.mark:
            draw_mark(planes, frame.hdr)
        return planes.frame()

    def _drawn(self, number: int, frame: int) -> Iterator[tuple[int, Stretch]]:
        """The stretches whose mouths are drawn into a frame of the source, the one of this number in the output."""
        tick = int(self._plan.ticks[number])
        return (
            (place, stretch)
            for place, stretch in enumerate(self._stretches)
            if stretch.covers(frame) and self._rest.share_shown(tick, place) > 0
        )
