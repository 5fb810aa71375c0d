"""Speed of reading media, as ratios to bare decoding in the same run: `python -m tests.benchmarks.bench_decode FILE...`.

The reference decodes every frame with one thread and throws it away. Medians of a few runs; ratios travel between
machines, milliseconds do not.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av

from assets.clips.shots import find_shots
from assets.media.audio import read_audio
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.media.video import read_ticks

RUNS = 3


def decode_only(path: Path) -> int:
    """The reference: the decoder's work and nothing else."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        return sum(1 for _ in container.decode(stream))


def whole_rgb(path: Path) -> int:
    """What most readers do: every frame converted whole."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        return sum(frame.to_ndarray(format="rgb24").ndim > 0 for frame in container.decode(stream))


def ticks_gray(path: Path) -> int:
    found = probe(path)
    return sum(tick.frame.gray().ndim > 0 for tick in read_ticks(found, common_span(found)))


def ticks_region(path: Path) -> int:
    """Luma of the whole frame and RGB of a region a third of its width, as a face takes."""
    found = probe(path)
    side = found.video.width // 3 // 2 * 2
    box = (side, 40, 2 * side, 40 + side)
    num = 0
    for tick in read_ticks(found, common_span(found)):
        num += tick.frame.gray().ndim > 0
        if not tick.repeated:
            tick.frame.rgb(box)
    return num


def audio(path: Path) -> int:
    found = probe(path)
    return len(read_audio(found, common_span(found)).samples)


def shots(path: Path) -> int:
    return len(find_shots(probe(path), threshold=3.0, min_change=15.0))


def seconds(work: Callable[[Path], int], path: Path) -> float:
    took = []
    for _ in range(RUNS):
        start = time.process_time()
        work(path)
        took.append(time.process_time() - start)
    return statistics.median(took)


def main(paths: list[Path]) -> None:
    print(
        f"{'file':24} {'ref ms/frame':>12} {'rgb':>6} {'luma':>6} {'region':>6} {'audio':>6} {'shots':>6}  (times the reference)"
    )
    for path in paths:
        num = decode_only(path)
        reference_s = seconds(decode_only, path)
        ratios = [
            seconds(work, path) / reference_s for work in (whole_rgb, ticks_gray, ticks_region, audio, shots)
        ]
        cells = " ".join(f"{ratio:6.2f}" for ratio in ratios)
        print(f"{path.name[-24:]:24} {reference_s / num * 1e3:12.3f} {cells}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
