"""From raw file to shard, as ratios measured in one run; see docs/benchmarks.md.

    python -m tests.benchmarks.bench_ingest --grid FOLDER [--hevc FILE] [--clips 6] [--repeats 3] [--processes]

The pipeline's own functions (hash, inventory, tracks and crops with dlib, mel, offset without a probe, shard) run on
one core. Beside them, in turns, so that what else the machine does counts for both: Wav2Lip's detector, S3FD with
random weights, on two frames (its preprocessing runs it on every frame, and that is nearly all of its cost), and
with --hevc plain decoding of that file on one thread. Processor time, medians. With --processes the GRID clips go
through worker processes, one and two, wall time: give that an idle machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from assets.av_offsets.offsets import OffsetPayload, compute_offset
from assets.av_offsets.settings import AvOffsetSettings
from assets.av_offsets.timed_clip import timed_clip
from assets.clips.clip_rows import RawSource, source_rows
from assets.clips.settings import ClipsSettings, probe_limits
from assets.faces.clip_faces import CROPS, TRACKS, FacesPayload, compute_faces
from assets.faces.settings import CropSettings, TrackSettings
from assets.media.probe import probe
from assets.media.timeline import Span
from assets.media.video import read_ticks
from assets.mels.mel_clip import MelPayload, compute_mels
from assets.mels.settings import MelSettings
from assets.raw_videos.layouts.registry import enumerate_sources
from assets.raw_videos.layouts.source_clip import SourceClip
from assets.raw_videos.scan import scan
from assets.raw_videos.walk import local_path
from assets.shards.sample import ClipFacts, encode_sample
from assets.shards.write_shards import write_tar
from assets.workers.clip_pool import ClipPool, PoolSettings
from tests.benchmarks.bench_faces import plain_decoding

BOTH = frozenset({TRACKS, CROPS})
S3FD_FRAMES = 2


def ingest(root: str, path: str, out: str) -> int:
    """A raw file as a shard of its own; returns the number of its frames."""
    hashes = scan(root, lambda name: name == path, None, num_threads=1).table
    source = SourceClip(relative_path=path, split="train")
    item = RawSource(dataset="bench", root=root, source=source, sha256=hashes["sha256"][0].as_py())
    samples, num_frames = [], 0
    for row in source_rows(item, ClipsSettings()):
        assert row["status"] == "ok", row["detail"]
        samples.append((row["clip_id"], _sample(Path(root), row)))
        num_frames += row["num_frames_25"]
    write_tar(Path(out) / f"{path.replace('/', '_')}.tar", samples)
    return num_frames


def _sample(root: Path, row: dict[str, object]) -> dict[str, bytes]:
    path = local_path(root, str(row["relative_path"]))
    span = Span(start_s=row["common_start_s"], num_frames=row["num_frames_25"])  # type: ignore[arg-type]
    limits = probe_limits(ClipsSettings())
    payload = FacesPayload(
        path=path,
        span=span,
        clip_digest="",
        track_settings=TrackSettings(),
        crop_settings=CropSettings(),
        limits=limits,
    )
    crops = compute_faces(payload, BOTH)[CROPS]
    audio = MelPayload(
        path=str(path),
        start_s=span.start_s,
        num_frames=span.num_frames,
        limits=limits,
        settings=MelSettings(),
    )
    mel = compute_mels(audio, frozenset({"mels"}))["mels"]
    nowhere = OffsetPayload(
        clip_id="", crops_file=path, mels_file=path, probe=None, settings=AvOffsetSettings()
    )
    offset = compute_offset(nowhere, frozenset({"av_offsets"}))["av_offsets"]
    facts = ClipFacts(
        clip_id=str(row["clip_id"]),
        dataset="bench",
        split="train",
        speaker=None,
        transcript=None,
        source_path=path.name,
        source_sha256=str(row["sha256"]),
    )
    return encode_sample(
        facts, timed_clip(crops, mel), offset, first_frame=0, settings_digest="", flac_compression=0.5
    )


def s3fd_a_frame(path: Path) -> Callable[[], float]:
    """A function that times S3FD on frames of a clip: seconds a frame, one thread."""
    import torch
    from face_alignment.detection.sfd.net_s3fd import s3fd

    torch.set_num_threads(1)
    found = probe(path)
    span = Span(start_s=found.video.start_s, num_frames=S3FD_FRAMES)
    images = [tick.frame.rgb() for tick in read_ticks(found, span)]
    batch = torch.stack([torch.from_numpy(image).permute(2, 0, 1).float() for image in images])
    network = s3fd().eval()

    def run() -> float:
        with torch.inference_mode():
            return processor_s(lambda: network(batch)) / S3FD_FRAMES

    return run


def processor_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def grid_ratio(root: Path, paths: list[str], repeats: int, out: str) -> None:
    detect = s3fd_a_frame(local_path(root, paths[0]))
    num_frames = ingest(str(root), paths[0], out)
    detect()
    ours, theirs = [], []
    for _ in range(repeats):
        theirs.append(detect() * num_frames)
        ours += [processor_s(lambda path=path: ingest(str(root), path, out)) for path in paths]
    mine, s3fd = statistics.median(ours), statistics.median(theirs)
    print(
        f"GRID clip of {num_frames} frames, one core: {mine:.3f} s a clip ({min(ours):.3f}-{max(ours):.3f})"
    )
    print(f"S3FD on its {num_frames} frames, one core, from {S3FD_FRAMES} frames: {s3fd:.1f} s")
    print(f"ratio to Wav2Lip's detection alone: {s3fd / mine:.0f} (at least 100)")


def hevc_ratio(path: Path, repeats: int, out: str) -> None:
    ingest(str(path.parent), path.name, out)
    ours, plain = [], []
    for _ in range(repeats):
        plain.append(processor_s(lambda: plain_decoding(path)))
        ours.append(processor_s(lambda: ingest(str(path.parent), path.name, out)))
    mine, reference = statistics.median(ours), statistics.median(plain)
    num = plain_decoding(path)
    print(f"{path.name}, {num} frames: {mine:.2f} s from file to shard, {1000 * mine / num:.1f} ms a frame")
    print(f"plain decoding, one thread: {reference:.2f} s, {1000 * reference / num:.1f} ms a frame")
    print(f"ratio to plain decoding: {mine / reference:.2f} (at most 3)")


def pooled_s(root: Path, paths: list[str], num_workers: int, out: str) -> float:
    """Wall time of clips through worker processes, their start left out."""
    with ClipPool(PoolSettings(num_workers=num_workers)) as pool:
        for future in [pool.submit(ingest, str(root), path, out) for path in paths[:num_workers]]:
            future.result()
        start = time.perf_counter()
        for future in [pool.submit(ingest, str(root), path, out) for path in paths]:
            future.result()
        return time.perf_counter() - start


def process_ratio(root: Path, paths: list[str], repeats: int, out: str) -> None:
    one = [pooled_s(root, paths, 1, out) for _ in range(repeats)]
    two = [pooled_s(root, paths, 2, out) for _ in range(repeats)]
    ratio = statistics.median(one) / statistics.median(two)
    print(f"{len(paths)} GRID clips, wall: one process {statistics.median(one):.2f} s", end=", ")
    print(f"two {statistics.median(two):.2f} s; ratio {ratio:.2f} (at least 1.8)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--grid", type=Path, required=True, help="folder of GRID clips")
    parser.add_argument("--hevc", type=Path, help="a 1080p HEVC file")
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", action="store_true")
    given = parser.parse_args()
    entries = enumerate_sources("folder", given.grid)
    paths = [entry.relative_path for entry in entries if isinstance(entry, SourceClip)][: given.clips]
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as out:
        grid_ratio(given.grid, paths, given.repeats, out)
        if given.hevc:
            hevc_ratio(given.hevc, given.repeats, out)
        if given.processes:
            process_ratio(given.grid, paths * 4, given.repeats, out)


if __name__ == "__main__":
    main()
