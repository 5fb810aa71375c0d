"""How well a sync encoder finds the offset of whole clips, and the right moment of single windows.

    python -m tests.benchmarks.bench_sync_offsets --model DIR --shards DIR [DIR ...] [--splits val test]

The offset of a clip is that at which the mean cosine of lips and audio is highest, from -15 to 15 frames; 0 is right
for clips in sync. A window of 5 frames is right if its own moment, or one a frame away, comes first among 31. One line a
speaker where there are several, and the clips that are off.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from assets.av_offsets.probes import cosines_by_offset, peak_frames
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_windows import lower_half
from cals_models.training.retrieval import MAX_OFFSET_FRAMES, candidate_ranks

Row = tuple[str, str, int, float, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained sync encoder")
    parser.add_argument(
        "--shards", type=Path, nargs="+", required=True, help="folders with a manifest.json each"
    )
    parser.add_argument("--splits", nargs="+", default=["val", "test"])
    options = parser.parse_args()
    encoder = load_sync_encoder(options.model)
    rows = [measured(encoder, clip) for clip in _clips(options.shards, options.splits)]
    speakers = sorted({row[1] for row in rows})
    for speaker in speakers if len(speakers) > 1 else ():
        print(line(f"speaker {speaker}", [row for row in rows if row[1] == speaker]))
    print(line("all", rows))
    for clip_id, _, whole, offset, _ in rows:
        if whole:
            print(f"  off by {offset:+.2f} frames: {clip_id}")


def _clips(folders: list[Path], splits: list[str]) -> Iterator[ShardClip]:
    for folder in folders:
        shard_set = ShardSet(folder)
        for split in splits:
            if shard_set.num_clips(split):
                yield from shard_set.clips(split)


@torch.inference_mode()
def measured(encoder: SyncEncoder, clip: ShardClip) -> Row:
    """Clip id, speaker, offset in whole frames and to a quarter, share of windows that are right within a frame."""
    frames = torch.from_numpy(clip.frames(range(clip.num_frames)))[None]
    lips = encoder.visual(lower_half(to_float_frames(frames)))[0]
    audio = encoder.audio(torch.from_numpy(clip.mel)[None])[0]
    similarity = np.nanmean(cosines_by_offset(lips, audio, min(MAX_OFFSET_FRAMES, len(lips) // 2)), axis=1)
    whole = int(similarity.argmax()) - len(similarity) // 2
    distances, _ = candidate_ranks(lips @ audio.T)
    speaker = str(clip.meta["speaker"] or Path(clip.clip_id).name.split("_")[0])
    return clip.clip_id, speaker, whole, peak_frames(similarity), float((distances <= 1).float().mean())


def line(name: str, rows: list[Row]) -> str:
    exact = sum(whole == 0 for _, _, whole, _, _ in rows) / len(rows)
    near = sum(abs(whole) <= 1 for _, _, whole, _, _ in rows) / len(rows)
    windows = sum(share for *_, share in rows) / len(rows)
    return (
        f"{name}: {len(rows)} clips: offset exact {exact:.0%}, within 1 frame {near:.0%}; windows within 1 frame"
        f" {windows:.1%}"
    )


if __name__ == "__main__":
    main()
