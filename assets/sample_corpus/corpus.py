"""Renders the sample corpus: folders laid out as LRS2, LRW and HDTF, and their ground truth."""

import contextlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from assets.sample_corpus.coarticulation import LipTrack, lip_track
from assets.sample_corpus.layouts import Words, write_hdtf_annotations, write_lrs2_texts, write_lrw_texts
from assets.sample_corpus.plan import ClipPlan, plan_corpus
from assets.sample_corpus.settings import SampleCorpusSettings
from cals_models.timebase import FPS, SAMPLE_RATE_HZ

STAMP = "sample_corpus.json"
FORMAT = 1
_WINDOWS_S = tuple(round(0.08 * k, 2) for k in range(1, 14))
_CLIPS_FOR_A_PROCESS = 3

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class SampleCorpus:
    """Folders of the corpus.

    Attributes:
        lrs2, lrw: roots of datasets with these layouts.
        hdtf: root with cut clips.
        hdtf_full: root with full videos and their annotation files.
        truth: folder with one JSON file a dataset: see `make_sample_corpus`.
        generated: False if it existed already.
    """

    root: Path
    lrs2: Path
    lrw: Path
    hdtf: Path
    hdtf_full: Path
    truth: Path
    generated: bool


def make_sample_corpus(
    root: Path,
    *,
    settings: SampleCorpusSettings | None = None,
    progress: Progress | None = None,
    num_processes: int | None = None,
) -> SampleCorpus:
    """Renders the corpus into `root`, unless it exists already.

    It is built in a folder beside `root`, which is then renamed: `root` is complete or does not exist. The same
    settings give the same bytes on the same machine.

    `truth/<dataset>.json` holds fps, coarticulation_s (full width of the window of phones that shapes the lips at a
    moment), `context_error` (mean error of the lips as predicted from the phones within a window alone), and
    `clips`: by path below the dataset's root the speaker, split, words and phones with times in seconds on the
    video's time line, the lips' aperture, width and protrusion frame by frame, and audio_delay_frames.

    Args:
        root: new folder; its parents are created.
        progress: called with (clips done, clips in all), first with 0 done.
        num_processes: number of rendering processes; None: one a processor.

    Raises:
        FileExistsError: `root` holds something else, or a corpus of other settings.
    """
    settings = settings or SampleCorpusSettings()
    if root.exists():
        _check_stamp(root, settings)
        return _corpus(root, generated=False)
    root.parent.mkdir(parents=True, exist_ok=True)
    building = root.parent / f".{root.name}.{os.getpid()}.building"
    building.mkdir()
    try:
        _build(
            building, settings, progress or (lambda done, total: None), num_processes or os.cpu_count() or 1
        )
        os.replace(building, root)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return _corpus(root, generated=True)


def _corpus(root: Path, *, generated: bool) -> SampleCorpus:
    parts = {name: root / name for name in ("lrs2", "lrw", "hdtf", "hdtf_full", "truth")}
    return SampleCorpus(root=root, generated=generated, **parts)


def _check_stamp(root: Path, settings: SampleCorpusSettings) -> None:
    try:
        stamp = json.loads((root / STAMP).read_text())
    except (OSError, ValueError):
        raise FileExistsError(
            f"{root}: exists but is not a sample corpus (no readable {STAMP}); give a folder that does not exist yet"
        ) from None
    if stamp != _stamp(settings):
        raise FileExistsError(
            f"{root}: holds a sample corpus of other settings; remove it or give another folder"
        )


def _stamp(settings: SampleCorpusSettings) -> dict[str, object]:
    return {"format": FORMAT, "settings_digest": settings.digest()}


def _build(folder: Path, settings: SampleCorpusSettings, progress: Progress, num_processes: int) -> None:
    plans = plan_corpus(settings)
    for name in (
        "lrs2/mvlrs_v1/pretrain",
        "lrs2/mvlrs_v1/main",
        "lrw/lipread_mp4",
        "hdtf",
        "hdtf_full",
        "truth",
    ):
        (folder / name).mkdir(parents=True)
    progress(0, len(plans))
    facts: list[dict[str, object]] = []
    num_processes = max(1, min(num_processes, len(plans) // _CLIPS_FOR_A_PROCESS))
    with _rendered(plans, folder, settings, num_processes) as rendered:
        for fact in rendered:
            facts.append(fact)
            progress(len(facts), len(plans))
    _write_texts(folder, plans, facts)
    _write_truth(folder / "truth", plans, facts, settings)
    (folder / STAMP).write_text(json.dumps(_stamp(settings)) + "\n")


@contextlib.contextmanager
def _rendered(
    plans: Sequence[ClipPlan], folder: Path, settings: SampleCorpusSettings, num_processes: int
) -> Iterator[Iterator[dict[str, object]]]:
    """Renders the clips in order, in this process or in spawned ones."""
    # imported here: it loads OpenCV and dlib, which a finished corpus does not need
    from assets.sample_corpus.clip import make_clip

    render = partial(make_clip, folder=folder, settings=settings)
    if num_processes == 1:
        yield map(render, plans)
        return
    with ProcessPoolExecutor(num_processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield pool.map(render, plans)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _audio_words(fact: dict[str, object]) -> Words:
    delay_s = int(str(fact["audio_delay_frames"])) / FPS
    words: list[tuple[str, float, float]] = fact["words"]  # type: ignore[assignment]
    return [(word, max(start + delay_s, 0.0), end + delay_s) for word, start, end in words]


def _write_texts(folder: Path, plans: Sequence[ClipPlan], facts: Sequence[dict[str, object]]) -> None:
    words = {plan.path: _audio_words(fact) for plan, fact in zip(plans, facts, strict=True)}

    def of(dataset: str) -> list[ClipPlan]:
        return [plan for plan in plans if plan.dataset == dataset]

    write_lrs2_texts(folder / "lrs2", of("lrs2"), words)
    write_lrw_texts(folder / "lrw", of("lrw"), words)
    write_hdtf_annotations(folder / "hdtf_full", of("hdtf_full"))


def _write_truth(
    folder: Path,
    plans: Sequence[ClipPlan],
    facts: Sequence[dict[str, object]],
    settings: SampleCorpusSettings,
) -> None:
    for dataset in ("lrs2", "lrw", "hdtf", "hdtf_full"):
        own = [(plan, fact) for plan, fact in zip(plans, facts, strict=True) if plan.dataset == dataset]
        truth = {
            "fps": FPS,
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "coarticulation_s": settings.coarticulation_s,
            "settings_digest": settings.digest(),
            "context_error": _context_error([plan for plan, _ in own], settings) if own else None,
            "clips": {f"{plan.path}.mp4": fact for plan, fact in own},
        }
        (folder / f"{dataset}.json").write_text(json.dumps(truth) + "\n")


def _context_error(plans: Sequence[ClipPlan], settings: SampleCorpusSettings) -> dict[str, list[float]]:
    """Mean absolute error of the lips if only the phones within a window are known, for each window."""
    utterances = [plan.utterance(settings) for plan in plans]

    def tracks(window_s: float | None) -> LipTrack:
        parts = [
            lip_track(
                utterance.phones,
                np.arange(utterance.num_frames) / FPS,
                coarticulation_s=settings.coarticulation_s,
                window_s=window_s,
            )
            for utterance in utterances
        ]
        return LipTrack(
            *(
                np.concatenate([getattr(p, name) for p in parts])
                for name in ("aperture", "width", "protrusion")
            )
        )

    whole = tracks(None)
    errors: dict[str, list[float]] = {
        "window_s": list(_WINDOWS_S),
        "aperture": [],
        "width": [],
        "protrusion": [],
    }
    for window_s in _WINDOWS_S:
        known = tracks(window_s)
        for name in ("aperture", "width", "protrusion"):
            errors[name].append(round(float(np.abs(getattr(known, name) - getattr(whole, name)).mean()), 5))
    return errors
