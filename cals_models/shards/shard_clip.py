"""One clip of a shard. Its members stay compressed in memory; what is requested is decoded at each request.

Legend: T video frames (25 fps), N frames requested, S side of a crop.
"""

import io
import itertools
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cals_models.codecs.decode import decode_audio, decode_frames
from cals_models.codecs.flac import FlacError
from cals_models.codecs.jpeg import JpegError
from cals_models.shards.shard_format import BASE_CROP_PX, NUM_LANDMARKS, NUM_MELS, ShardError, clip_key
from cals_models.timebase import MELS_PER_FRAME, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME


@dataclass(frozen=True)
class ShardClip:
    """One clip, its members still compressed; what is requested is decoded at each request.

    Args:
        meta: the clip's json, as written.
        members: bytes of the five members by their extension; views into one buffer.
        source: shard file and key, for messages.
        crop_px: S, side of the crops.
    """

    meta: dict[str, Any]
    members: Mapping[str, memoryview]
    source: str
    crop_px: int = BASE_CROP_PX

    @classmethod
    def from_members(
        cls, key: str, members: Mapping[str, memoryview], source: str, crop_px: int = BASE_CROP_PX
    ) -> "ShardClip":
        """A clip whose members were checked against each other.

        Raises:
            ShardError: they do not belong together.
        """
        try:
            meta = json.loads(bytes(members["json"]))
        except ValueError as error:
            raise ShardError(
                f"{source}: the clip's json does not parse ({error}); write the shard anew"
            ) from error
        clip = cls(meta, members, source, crop_px)
        clip._check(key)
        return clip

    def _check(self, key: str) -> None:
        meta = self.meta
        kinds = {"clip_id": str, "num_frames": int, "jpeg_offsets": list, "valid": str}
        if not isinstance(meta, dict) or any(
            not isinstance(meta.get(name), kind) for name, kind in kinds.items()
        ):
            raise ShardError(
                f"{self.source}: the clip's json must hold {sorted(kinds)}; write the shard anew"
            )
        num_frames, offsets = meta["num_frames"], meta["jpeg_offsets"]
        expected_key = clip_key(meta["clip_id"])
        if expected_key != key:
            raise ShardError(
                f"{self.source}: clip {meta['clip_id']!r} has key {expected_key}, it is stored as {key}"
            )
        if len(offsets) != num_frames + 1 or len(meta["valid"]) != num_frames or num_frames < 1:
            raise ShardError(f"{self.source}: {num_frames} frames, but {len(offsets) - 1} JPEGs in the json")
        if (
            offsets[0] != 0
            or offsets[-1] != len(self.members["mjpeg"])
            or any(start >= end for start, end in itertools.pairwise(offsets))
        ):
            raise ShardError(
                f"{self.source}: JPEG offsets do not cover the mjpeg member; write the shard anew"
            )

    @property
    def clip_id(self) -> str:
        """The clip's id, unique in its dataset."""
        return str(self.meta["clip_id"])

    @property
    def key(self) -> str:
        """Key of its members in the shard, see `clip_key`."""
        return clip_key(self.clip_id)

    @property
    def num_frames(self) -> int:
        """T, video frames at 25 fps."""
        return int(self.meta["num_frames"])

    @cached_property
    def mel(self) -> npt.NDArray[np.float32]:
        """Mel (80, 4T), float32, log10 magnitudes, 100 frames a second; video frame t begins at mel frame 4t."""
        stored = self._array("mel.npy", np.float16, (NUM_MELS, MELS_PER_FRAME * self.num_frames))
        return stored.astype(np.float32)

    @cached_property
    def landmarks(self) -> npt.NDArray[np.float32]:
        """Landmarks (T, 68, 2), float32, crop pixels, (x, y)."""
        return self._array("landmarks.npy", np.float32, (self.num_frames, NUM_LANDMARKS, 2))

    @cached_property
    def valid(self) -> npt.NDArray[np.bool_]:
        """bool (T,): True where a face was detected, False where its place was interpolated."""
        return np.array([mark == "1" for mark in self.meta["valid"]], np.bool_)

    def audio(self) -> npt.NDArray[np.int16]:
        """Audio (640 T,), int16, 16 kHz mono.

        Raises:
            ShardError: damaged, or of another length, rate or kind.
        """
        try:
            samples, rate = decode_audio(self.members["flac"])
        except FlacError as error:
            raise ShardError(f"{self.source}: the audio {error}") from error
        if rate != SAMPLE_RATE_HZ or samples.shape != (SAMPLES_PER_FRAME * self.num_frames,):
            expected = f"{SAMPLES_PER_FRAME * self.num_frames} samples at {SAMPLE_RATE_HZ} Hz"
            raise ShardError(f"{self.source}: audio {samples.shape} at {rate} Hz; expected {expected}")
        return samples

    def frames(self, indices: Sequence[int], *, executor: Executor | None = None) -> npt.NDArray[np.uint8]:
        """Decodes some frames, each once however often it is requested.

        Args:
            indices: N frame numbers in [0, T), in any order, repeated or not.
            executor: threads to decode in (the decoder releases the interpreter lock); None: this thread.

        Returns:
            uint8 (N, S, S, 3), RGB.

        Raises:
            IndexError: a number outside [0, T).
            ShardError: a frame is no JPEG, damaged, or of another size.
        """
        outside = [index for index in indices if not 0 <= index < self.num_frames]
        if outside:
            raise IndexError(f"{self.source}: frame {outside[0]} asked for, the clip has {self.num_frames}")
        mjpeg, offsets = self.members["mjpeg"], self.meta["jpeg_offsets"]
        try:
            return decode_frames(mjpeg, offsets, indices, (self.crop_px, self.crop_px, 3), executor=executor)
        except JpegError as error:
            raise ShardError(f"{self.source}: {error}") from error

    def _array(self, member: str, dtype: type[np.generic], shape: tuple[int, ...]) -> npt.NDArray[Any]:
        try:
            array = np.lib.format.read_array(io.BytesIO(self.members[member]), allow_pickle=False)
        except ValueError as error:
            raise ShardError(
                f"{self.source}: {member} does not load ({error}); write the shard anew"
            ) from error
        if array.dtype != dtype or array.shape != shape:
            expected = f"{np.dtype(dtype).name} {shape}"
            raise ShardError(f"{self.source}: {member} is {array.dtype} {array.shape}; expected {expected}")
        return array
