"""The text files of LRS2, LRW and HDTF beside the clips."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from assets.sample_corpus.plan import HDTF_FULL_FRAMING, LRW_FRAMES, ClipPlan
from cals_models.timebase import FPS

Words = Sequence[tuple[str, float, float]]
_HDTF_SPANS_S = ((0, 4), (4, 8))
_HDTF_CROP = (76, 20, 320, 320)  # x, y, width, height


def write_lrs2_texts(folder: Path, plans: Sequence[ClipPlan], words: Mapping[str, Words]) -> None:
    """Transcripts of the clips and the four lists; only pretrain clips have word times.

    Args:
        folder: holds `mvlrs_v1`.
        words: by plan path: (word, start, end), seconds of the audio.
    """
    lists: dict[str, list[str]] = {"pretrain": [], "train": [], "val": [], "test": []}
    for plan in plans:
        spoken = words[plan.path]
        text = f"Text:  {' '.join(word for word, _, _ in spoken)}\nConf:  5\n"
        if plan.split == "pretrain":
            rows = [f"{word} {start:.2f} {end:.2f} 8.0" for word, start, end in spoken]
            text += "\nWORD START END ASDSCORE\n" + "\n".join(rows) + "\n"
        (folder / f"{plan.path}.txt").write_text(text)
        name = "/".join(plan.path.split("/")[-2:])
        lists[plan.split].append(f"{name} NF" if plan.split == "test" else name)
    for split, names in lists.items():
        (folder / "mvlrs_v1" / f"{split}.txt").write_text("".join(f"{name}\n" for name in sorted(names)))


def write_lrw_texts(folder: Path, plans: Sequence[ClipPlan], words: Mapping[str, Words]) -> None:
    """The text file of each clip, which states the duration of the word in its middle."""
    middle_s = LRW_FRAMES / FPS / 2
    for number, plan in enumerate(plans):
        duration_s = next(end - start for _, start, end in words[plan.path] if start <= middle_s <= end)
        lines = [
            f"Disk reference: {5_600_000_000_000_000_000 + number}",
            "Channel: Sample",
            "Program start: 2024-01-01 12:00:00 +0000",
            f"Clip start: {10 * number + 5:.3f} seconds",
            f"Duration: {duration_s:.2f} seconds",
        ]
        (folder / f"{plan.path}.txt").write_text("\n".join(lines) + "\n")


def write_hdtf_annotations(folder: Path, plans: Sequence[ClipPlan]) -> None:
    """The five annotation files of group RD for full videos, with their published names and spelling."""
    names = [plan.path for plan in plans]
    spans = " ".join(f"00:{start:02d}-00:{end:02d}" for start, end in _HDTF_SPANS_S)
    x, y, width, height = _HDTF_CROP
    clips = [f"{name}_{k}.mp4" for name in names for k in range(len(_HDTF_SPANS_S))]
    texts = {
        "RD_video_url.txt": [f"{name} https://example.org/{name}" for name in names],
        "RD_resolution.txt": [f"{name}.mp4 {HDTF_FULL_FRAMING.height_px}" for name in names],
        "RD_annotion_time.txt": [f"{name}.mp4 {spans}" for name in names],
        "RD_crop_wh.txt": [f"{clip} {x} {width} {y} {height}" for clip in clips],
        "RD_crop_ratio.txt": [f"{clip} 1.0" for clip in clips],
    }
    for name, lines in texts.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
