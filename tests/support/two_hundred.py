"""A corpus of 200 files: 180 short talking clips, and 20 of kinds that readers get wrong or that are no clips."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import numpy as np

from assets.media.encode import write_web_video
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.media.video import read_ticks
from tests.support.media_files import FlashFile, make_flash_file
from tests.support.odd_footage import odd_footage
from tests.support.other_streams import KINDS, with_stream_first

NUM_PLAIN = 180
PIECE_FRAMES = 26
# Name -> reason of the row that it becomes.
NOT_USED = {
    "empty.mp4": "empty_file", "zeros.mkv": "not_a_video", "playlist.ts": "not_a_video", "script.avi": "not_a_video",
    "cut_at_0.5.mkv": "damaged", "cut_faststart_0.8.mp4": "damaged", "one_frame.mp4": "too_short", "too_small.mp4": "too_small",
    "nobody.mp4": "no_face", "dangling.mp4": "dangling_link", "pipe.mp4": "not_a_file", "silent.mp4": "silent_audio",
}  # fmt: skip


def make_two_hundred(root: Path, clips: list[Path]) -> tuple[set[str], dict[str, str]]:
    """Writes the files and ``splits.csv``.

    Args:
        root: folder to fill.
        clips: talking clips of 75 frames.

    Returns:
        Paths (text form) of the files that must be in the shards, and of the others, each with the reason of its row.
    """
    root.mkdir(parents=True)
    pieces = [_piece(root, clips[number % len(clips)], number, len(clips)) for number in range(NUM_PLAIN)]
    good = {path.name: path.name for path in pieces}  # name in splits.csv -> path in the tables
    good |= _odd_but_good(root, pieces)
    _not_used(root, pieces)
    listed = [*good, *NOT_USED]
    splits = ["val" if n % 20 == 7 else "test" if n % 20 == 13 else "train" for n in range(NUM_PLAIN)]
    splits += ["train"] * (len(listed) - NUM_PLAIN)  # with the clips that they are copies of
    table = "\n".join(f"{name},{split}" for name, split in zip(listed, splits, strict=True))
    (root / "splits.csv").write_bytes(os.fsencode(f"path,split\n{table}\n"))
    return set(good.values()), dict(NOT_USED)


def _piece(root: Path, clip: Path, number: int, num_clips: int) -> Path:
    """The first part of a clip, copied packet by packet; of another length where the clip has had its turn."""
    path = root / f"{number:03d}.mkv"
    length = PIECE_FRAMES + number // num_clips
    with av.open(str(clip)) as given, av.open(str(path), "w") as made:
        streams = {
            s.index: made.add_stream_from_template(s)
            for s in (given.streams.video[0], given.streams.audio[0])
        }
        start_s = min(float((s.start_time or 0) * s.time_base) for s in (given.streams[i] for i in streams))
        for packet in given.demux(*(given.streams[index] for index in streams)):
            time = packet.dts if packet.pts is None else packet.pts
            if packet.size and time is not None and float(time * packet.time_base) - start_s < length / 25:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    return path


def _odd_but_good(root: Path, pieces: list[Path]) -> dict[str, str]:
    """Talking clips behind other streams and under odd names; as listed -> as in the tables."""
    found = {}
    for number, kind in enumerate(kind for kind in KINDS if kind != "cover"):
        path = with_stream_first(pieces[number], root, kind)
        found[path.name] = path.name
    (root / "subtitles.srt").unlink()
    names = [
        (b"latin \xe9.mkv", r"latin \xe9.mkv"),
        (b"\xff\xfe.mkv", r"\xff\xfe.mkv"),
        (b"clear\x1b[2J.mkv", r"clear\x1b[2J.mkv"),
        (b"back\\slash.mkv", r"back\\slash.mkv"),
    ]
    for (name, text), piece in zip(names, pieces[14:18], strict=False):
        shutil.copy(piece, root / os.fsdecode(name))
        found[os.fsdecode(name)] = text
    shutil.copy(pieces[20], root / "cafe\u0301.mkv")
    found["caf\u00e9.mkv"] = "cafe\u0301.mkv"  # the list has the other normal form
    return found


def _not_used(root: Path, pieces: list[Path]) -> None:
    by_name = {one.name: one for one in odd_footage()}
    for name in NOT_USED:
        if name in by_name:
            by_name[name].write(root / name)
    make_flash_file(root / "nobody.mp4", FlashFile(duration_s=2.0, flash_times_s=(0.5,)))
    (root / "dangling.mp4").symlink_to(root / "nowhere.mp4")
    os.mkfifo(root / "pipe.mp4")
    found = probe(pieces[30])
    frames = np.stack([tick.frame.rgb() for tick in read_ticks(found, common_span(found))])
    write_web_video(root / "silent.mp4", frames, np.zeros(640 * len(frames), np.int16))
