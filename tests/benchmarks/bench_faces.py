"""From video to face crops: milliseconds a frame and stage, against plain decoding and against S3FD.

    python -m tests.benchmarks.bench_faces CLIP [CLIP ...] [--repeats 3] [--s3fd]

Give for instance a GRID clip and a 1080p clip. One process, one thread, models loaded; processor time, so that
other work on the machine counts little. Absolute times depend on the machine; compare the ratios to plain decoding,
which is timed in the same run. `--s3fd` also times the detector that Wav2Lip's preprocessing runs on every frame: the
same network with random weights, in batches of 4, on 4 frames, scaled to the clip.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2

from assets.faces.backends.opening import open_backend
from assets.faces.clip_faces import CROPS, TRACKS, FacesPayload, compute_faces
from assets.faces.crop_clip import crop_clip
from assets.faces.landmarks import boxes_of
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.track_clip import track_clip
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.media.video import read_ticks

BOTH = frozenset({TRACKS, CROPS})


def plain_decoding(path: Path) -> int:
    """Decodes all frames on one thread and uses none; returns their number."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def best_of(repeats: int, work: Callable[[], object]) -> float:
    """Shortest of several runs, seconds of processor time."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def stage_seconds(payload: FacesPayload, repeats: int) -> dict[str, float]:
    """Seconds a clip of each stage by itself, and of the whole work."""
    settings = payload.track_settings
    backend = open_backend(settings)
    found = probe(payload.path)

    clip = list(read_ticks(found, payload.span))
    track, _, images = track_clip(clip, backend, settings, keep_images=True)
    box, luma = boxes_of(track.landmarks[0]), clip[0].frame.gray()
    margin = (box[2] - box[0]) * 0.35
    x0, y0, x1, y1 = (
        max(int(v), 0) for v in (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
    )
    window = luma[y0:y1, x0:x1].copy()
    inside = box - [x0, y0, x0, y0]
    region = track.region(0)[:4]
    seconds = {
        "plain decoding": best_of(repeats, lambda: plain_decoding(payload.path)),
        "decoding to ticks": best_of(repeats, lambda: sum(1 for _ in read_ticks(found, payload.span))),
        "68 landmarks alone": best_of(repeats, lambda: backend.landmarks([window], [inside])) * len(clip),
        "tracking, no decoding": best_of(
            repeats, lambda: track_clip(clip, backend, settings, keep_images=False)
        ),
        "regions to RGB": best_of(repeats, lambda: [tick.frame.rgb(region) for tick in clip]),
        "crops and JPEG": best_of(repeats, lambda: crop_clip(images, track, payload.crop_settings, 0)),
    }
    seconds["tracks and crops from the file"] = best_of(repeats, lambda: compute_faces(payload, BOTH))
    row = compute_faces(payload, frozenset({TRACKS}))[TRACKS]
    again = dataclasses.replace(payload, stored_track=row)
    seconds["crops from stored tracks"] = best_of(repeats, lambda: compute_faces(again, frozenset({CROPS})))
    return seconds


def s3fd_seconds(payload: FacesPayload) -> float:
    """Seconds that S3FD takes for all frames of the clip, from four of them."""
    import torch
    from face_alignment.detection.sfd.net_s3fd import s3fd

    torch.set_num_threads(1)
    span = dataclasses.replace(payload.span, num_frames=4)
    images = [tick.frame.rgb() for tick in read_ticks(probe(payload.path), span)]
    batch = torch.stack([torch.from_numpy(image).permute(2, 0, 1).float() for image in images])
    network = s3fd().eval()
    with torch.inference_mode():
        return best_of(1, lambda: network(batch)) * payload.span.num_frames / len(images)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--frames", type=int, default=125, help="frames of each clip at most")
    parser.add_argument("--s3fd", action="store_true")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    for path in given.clips:
        found = probe(path)
        span = common_span(found)
        whole = span.num_frames <= given.frames
        span = dataclasses.replace(span, num_frames=min(span.num_frames, given.frames))
        payload = FacesPayload(
            path=path,
            span=span,
            clip_digest="",
            track_settings=TrackSettings(),
            crop_settings=CropSettings(),
        )
        seconds = stage_seconds(payload, given.repeats)
        if not whole:
            seconds["plain decoding"] *= span.num_frames / found.video.num_packets
        if given.s3fd:
            seconds["S3FD on every frame (Wav2Lip)"] = s3fd_seconds(payload)
        print(
            f"{path.name}: {found.video.width}x{found.video.height} {found.video.codec}, {span.num_frames} frames"
        )
        print(f"  {'':34}{'s a clip':>10}{'ms a frame':>12}{'x decoding':>12}")
        for name, value in seconds.items():
            ratio = value / seconds["plain decoding"]
            print(f"  {name:34}{value:10.3f}{1000 * value / span.num_frames:12.2f}{ratio:12.1f}")


if __name__ == "__main__":
    main()
