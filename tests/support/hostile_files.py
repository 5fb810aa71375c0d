"""A seeded set of broken and hostile files derived from real clips, and how the project ingests each of them."""

from __future__ import annotations

import os
import random
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from assets.clips.clip_rows import RawSource, source_rows
from assets.clips.settings import ClipsSettings
from assets.media.audio import read_audio
from assets.media.probe import probe
from assets.media.timeline import Span
from assets.media.video import read_ticks
from assets.raw_videos.layouts.source_clip import SourceClip
from assets.raw_videos.walk import local_path
from assets.workers.rejected import Rejected
from tests.support.media_files import FlashFile, make_flash_file

ODD_NAMES = (
    b"a b.mpg",
    b'it\'s "so".mpg',
    b"line\nbreak.mpg",
    "👄.mpg".encode(),
    b"n" * 251 + b".mpg",
    b"\xff\xfe\\.mpg",
)


def make_hostile_set(root: Path, clips: list[Path], *, seed: int = 0, num_mutated: int = 200) -> list[Path]:
    """Writes the files below `root`.

    Args:
        root: folder to fill. clips: real clips to mutate. seed: of all choices. num_mutated: mutated copies.

    Returns:
        Every file written.
    """
    rng = random.Random(seed)
    root.mkdir(parents=True, exist_ok=True)
    sources = [*(clip.read_bytes() for clip in clips[:8]), *_remuxed(root, clips[:4])]
    suffixes = ["mpg"] * len(clips[:8]) + ["mp4", "mkv", "ts", "avi"]
    for number in range(num_mutated):
        at = rng.randrange(len(sources))
        mutate = MUTATIONS[number % len(MUTATIONS)]
        data = mutate(bytearray(sources[at]), rng)
        (root / f"{number:03d}_{mutate.__name__.strip('_')}.{suffixes[at]}").write_bytes(data)
    _write_odd_files(root, clips)
    return sorted(path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())


def ingest(root: str, relative_path: str) -> list[dict[str, Any]]:
    """Rows of a file after everything that reads it: probe, segments, every frame, all audio."""
    source = SourceClip(relative_path=relative_path, split="train", cut="at_shots")
    item = RawSource(dataset="hostile", root=root, source=source, sha256=None)
    return [_decoded(root, row) for row in source_rows(item, ClipsSettings())]


def _decoded(root: str, row: dict[str, Any]) -> dict[str, Any]:
    if row["status"] != "ok":
        return row
    try:
        found = probe(local_path(root, row["relative_path"]))
        span = Span(start_s=row["common_start_s"], num_frames=row["num_frames_25"])
        num = sum(tick.frame.gray().size > 0 for tick in read_ticks(found, span))
        audio = read_audio(found, span)
    except Rejected as rejected:
        stated = {"stage": rejected.stage, "reason": rejected.reason, "detail": rejected.detail}
        return row | stated | {"status": "rejected"}
    assert num == span.num_frames
    assert len(audio.samples) == 640 * num
    return row


def _cut_short(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[: rng.randrange(len(data))])


def _few_bits(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 3, 30))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _many_bytes(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(len(data) // 100):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _header(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(20):
        data[rng.randrange(min(len(data), 2048))] = rng.randrange(256)
    return bytes(data)


def _zeroed_block(data: bytearray, rng: random.Random) -> bytes:
    at, num = rng.randrange(len(data)), rng.choice((100, 5_000, 100_000))
    data[at : at + num] = bytes(len(data[at : at + num]))
    return bytes(data)


def _missing_block(data: bytearray, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 188, 20_000))]
    return bytes(data)


def _inserted_noise(data: bytearray, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    data[at:at] = rng.randbytes(rng.choice((1, 1_000, 50_000)))
    return bytes(data)


def _swapped_halves(data: bytearray, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return bytes(data[at:] + data[:at])


MUTATIONS = (
    _cut_short, _few_bits, _many_bytes, _header, _zeroed_block, _missing_block, _inserted_noise, _swapped_halves,
)  # fmt: skip


def _remuxed(root: Path, clips: list[Path]) -> list[bytes]:
    """The same sort of content in other containers."""
    made = []
    for suffix in ("mp4", "mkv", "ts", "avi"):
        spec = FlashFile(suffix=suffix, mux={"movflags": "faststart"} if suffix == "mp4" else {})
        path = make_flash_file(root / f"source.{suffix}", spec).path
        made.append(path.read_bytes())
        path.unlink()
    return made


def _write_odd_files(root: Path, clips: list[Path]) -> None:
    clip = clips[0].read_bytes()
    (root / "text.mp4").write_text("this is no video\n" * 50)
    (root / "empty.mp4").write_bytes(b"")
    (root / "zeros.mkv").write_bytes(bytes(50_000))
    (root / "noise.mp4").write_bytes(random.Random(1).randbytes(50_000))
    (root / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    for name in ODD_NAMES:
        (root / os.fsdecode(name)).write_bytes(clip)
    for folder in ("one", "two"):
        (root / folder).mkdir()
        (root / folder / "same.mpg").write_bytes(clip)
    (root / "dangling.mp4").symlink_to(root / "nowhere.mp4")
    os.mkfifo(root / "pipe.mp4")
    audio_kinds: dict[str, dict[str, Any]] = {
        "surround.mkv": {"suffix": "mkv", "layout": "5.1"},
        "low_rate.mov": {"suffix": "mov", "sample_rate_hz": 8_000, "layout": "mono"},
        "silent.mp4": {"flash_times_s": ()},
        "one_frame.mp4": {"duration_s": 0.04, "flash_times_s": ()},
        "tiny.mkv": {"size": (2, 2), "suffix": "mkv", "duration_s": 1.0, "flash_times_s": ()},
        "slow.mp4": {"fps": Fraction(1, 2), "duration_s": 8.0},
        "fast.mp4": {"fps": Fraction(1000), "duration_s": 0.5, "flash_times_s": ()},
    }
    for name, fields in audio_kinds.items():
        make_flash_file(root / name, FlashFile(**fields))
    _write_single_streams(root)
    long = bytearray((root / "surround.mkv").read_bytes())
    at = long.index(b"\x44\x89\x88") + 3  # Matroska's Duration, milliseconds as a double
    long[at : at + 8] = struct.pack(">d", 3 * 3600 * 1000)
    (root / "claims_hours.mkv").write_bytes(long)


def _write_single_streams(root: Path) -> None:
    """No audio, no video, a huge frame."""
    for name, size in (("mute.mp4", (96, 96)), ("huge.mp4", (7680, 4320))):
        with av.open(str(root / name), "w") as container:
            video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            video.width, video.height = size
            for _ in range(3):
                container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((*size[::-1], 3), np.uint8))))
            container.mux(video.encode(None))
    with av.open(str(root / "sound_only.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
