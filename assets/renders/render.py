"""Test clips rendered by a method, with their own audio and with another clip's, as lossless videos.

``own`` is same-clip reconstruction, which PSNR, SSIM and LMD are defined on. ``other`` is the control: the method is
given another clip's audio. The controls ``ground_truth`` and ``copy_reference`` are given no audio: their ``other``
renders are the same frames beside another clip's audio.

The generator is given the upper half of each frame and one reference frame that `reference_indices` chooses; never the
mouth of the frame that it generates, nor of the frames near it. Only a method that declares ``pose_from="target_frame"`` is
given the true frames besides: the wrong-audio control shows whether the mouth leaks from them.

Files are ``<out>/<own|other>/<key>.mkv``; ``<out>/index.jsonl`` lists each as soon as it is written, so that an
interrupted run continues where it stopped. A render is kept only if its inputs are the same and its bytes are intact. What
nobody expected at one clip is a row too (`assets.workers.unexpected`), and is tried again by the next run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.media.encode import write_lossless
from assets.project.atomic_files import replacing
from assets.renders.other_audio import FittedAudio, fit_audio, with_partners
from assets.renders.reference import reference_indices
from assets.renders.settings import RenderSettings
from assets.workers.rejected import UNEXPECTED, Rejected, fault_of_no_clip
from assets.workers.unexpected import run_at_clip
from cals_models.methods.registry import METHODS
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet

STAGE = "renders"
INDEX_NAME = "index.jsonl"
AUDIOS = ("own", "other")

Frames = NDArray[np.uint8]

if TYPE_CHECKING:
    from cals_models.inference.frame_generator import FrameGenerator


@dataclass(frozen=True, kw_only=True)
class _Task:
    """One render: a clip, the clip whose audio it is given, and a digest of everything that decides the result."""

    clip: ShardClip
    audio: str
    partner: ShardClip | None
    input_digest: str


def render_clips(
    shards: Path,
    split: str,
    method: str,
    model_dir: Path | None,
    out: Path,
    settings: RenderSettings,
    progress: Callable[[int], None] = lambda count: None,
    *,
    version: str = "",
) -> list[dict[str, Any]]:
    """Renders every clip of a split by a method, once with its own audio and once with another clip's.

    Args:
        shards: folder of the dataset's shard set.
        split: train, val or test.
        method: one of ``cals_models.methods.registry.METHODS``.
        model_dir: the trained generator; None for a control, which has none.
        out: folder of this dataset's and method's renders; videos of clips that are gone are deleted.
        settings: of the stage.
        progress: called with 1 for each render.
        version: of the code that renders; renders of another version are not kept.

    Returns:
        Rows ordered by clip id and audio: clip_id, key, audio, audio_clip_id, audio_fit, path (relative to ``out``),
        sha256, num_frames, reference_policy, input_digest, status ``ok`` or ``rejected``, reason, detail.

    Raises:
        ValueError: the method is unknown, it needs a model and has none, its model draws crops of another size than the
            shards', or the split holds no clip.
        PipelineFault: the model can't be opened.
    """
    generator = _LazyGenerator(method, model_dir, settings)
    shard_set = ShardSet(shards)
    if shard_set.num_clips(split) == 0:
        raise ValueError(f"{shards}: split {split} holds no clip; there is nothing to render")
    shared = _shared_inputs(method, model_dir, settings, version)
    if model_dir is not None:
        require_crops(method, model_dir, shard_set)
    earlier = _read_index(out)
    rows = []
    clips = shard_set.clips(split, seed=settings.other_audio_seed)
    for task in _tasks(clips, shared):
        row = earlier.get((task.clip.key, task.audio))
        if row is None or not _is_kept(out, row, task):
            row = _render(task, generator, out, settings)
            _append(out / INDEX_NAME, row)
        rows.append(row)
        progress(1)
    rows.sort(key=lambda row: (row["clip_id"], row["audio"]))
    _delete_others(out, rows)
    with replacing(out / INDEX_NAME) as temporary:
        temporary.write_text("".join(_line(row) for row in rows), encoding="utf-8")
    return rows


def require_crops(method: str, model_dir: Path, shards: ShardSet) -> None:
    """Checks that a model draws crops of the size of a shard set.

    Raises:
        ValueError: it draws another size.
    """
    from cals_models.networks.model_files import crop_px_of

    crop_px = crop_px_of(model_dir)
    if crop_px != shards.crop_px:
        raise ValueError(
            f"{model_dir}: the {method} generator draws crops of {crop_px} px, those of {shards.dataset} are {shards.crop_px} "
            f"px; train {method} on {shards.dataset}, or give face_crops.crop_px {crop_px}"
        )


def _tasks(clips: Iterator[ShardClip], shared: str) -> Iterator[_Task]:
    for clip, partner in with_partners(clips):
        for audio in AUDIOS:
            lender = clip if audio == "own" else partner
            members = [clip.members, lender.members if lender is not None else {}]
            digest = hashlib.sha256(shared.encode())
            for name, data in ((name, data) for some in members for name, data in sorted(some.items())):
                digest.update(f"{name} {len(data)}\n".encode() + data)
            yield _Task(clip=clip, audio=audio, partner=lender, input_digest=digest.hexdigest())


def _render(task: _Task, generator: _LazyGenerator, out: Path, settings: RenderSettings) -> dict[str, Any]:
    clip = task.clip
    row: dict[str, Any] = {
        "clip_id": clip.clip_id,
        "key": clip.key,
        "audio": task.audio,
        "audio_clip_id": task.partner.clip_id if task.partner else None,
        "audio_fit": None,
        "path": None,
        "sha256": None,
        "num_frames": clip.num_frames,
        "reference_policy": settings.reference_policy if generator.shows_reference else "none",
        "input_digest": task.input_digest,
        "status": "ok",
        "reason": None,
        "detail": None,
    }
    try:
        if task.partner is None:
            raise Rejected(
                STAGE, "no_other_clip", "the split holds one clip alone: nobody lends it another sound"
            )
        return row | run_at_clip(STAGE, partial(_write_video, task, task.partner, generator, out))
    except Rejected as rejected:
        return row | {"status": "rejected", "reason": rejected.reason, "detail": rejected.detail}


def _write_video(task: _Task, partner: ShardClip, generator: _LazyGenerator, out: Path) -> dict[str, Any]:
    clip = task.clip
    audio = fit_audio(partner, clip.num_frames)
    path = Path(task.audio) / f"{clip.key}.mkv"
    frames = generator.frames(clip, audio)
    write_lossless(
        out / path, frames, audio.audio, title=f"{clip.clip_id} ({generator.method}, {task.audio})"
    )
    return {"audio_fit": audio.fit, "path": path.as_posix(), "sha256": _sha256(out / path)}


class _LazyGenerator:
    """Generates a method's frames; loads its network at the first of them."""

    def __init__(self, method: str, model_dir: Path | None, settings: RenderSettings) -> None:
        if method not in METHODS:
            raise ValueError(f"method {method!r} is unknown; known: {', '.join(METHODS)}")
        self.method = method
        self.shows_reference = method != "ground_truth"
        self._is_trained = METHODS[method].is_trained
        if self._is_trained and model_dir is None:
            raise ValueError(f"method {method} is trained: give the folder of its generator")
        self._model_dir = model_dir
        self._settings = settings
        self._generator: FrameGenerator | None = None

    def frames(self, clip: ShardClip, audio: FittedAudio) -> Frames:
        true = clip.frames(range(clip.num_frames))
        if not self.shows_reference:
            return true
        places = reference_indices(
            clip.valid,
            policy=self._settings.reference_policy,
            min_distance_frames=self._settings.min_reference_distance_frames,
        )
        if not self._is_trained:
            return true[places]
        return self._generate(true, true[places], audio.mel)

    def _generate(self, true: Frames, reference: Frames, mel: NDArray[np.float32]) -> Frames:
        import torch

        from cals_models.shards.crop_sizes import lower_rows

        if self._generator is None:
            with fault_of_no_clip("the generator can't be opened"):
                self._generator = self._load()
        pose_prior = true.copy()
        lower_rows(pose_prior)[:] = 0  # the generator hides them too
        given = (torch.from_numpy(array) for array in (pose_prior, reference, mel))
        sees_target = METHODS[self.method].pose_from == "target_frame"
        frames: Frames = self._generator.render(
            *given,
            target=torch.from_numpy(true) if sees_target else None,
            batch_frames=self._settings.batch_frames,
        ).numpy()
        return frames

    def _load(self) -> FrameGenerator:
        import torch

        from cals_models.inference.frame_generator import open_generator

        assert self._model_dir is not None
        device = self._settings.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return open_generator(self._model_dir, device=device)


def _shared_inputs(method: str, model_dir: Path | None, settings: RenderSettings, version: str) -> str:
    """What all renders of a method depend on: weights, settings that change frames, code."""
    weights = _sha256(model_dir / "model.safetensors") if model_dir is not None else ""
    relevant = {
        name: value for name, value in asdict(settings).items() if name not in ("device", "batch_frames")
    }
    return json.dumps([method, weights, relevant, version], sort_keys=True)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(
            f"{path}: can't be read ({error.strerror}); materialise the stage that writes it"
        ) from error


def _is_kept(out: Path, row: Mapping[str, Any], task: _Task) -> bool:
    """Whether an earlier run's row stands: inputs are the same, the video is intact, and no error asks for another try."""
    if row["input_digest"] != task.input_digest or row["reason"] == UNEXPECTED:
        return False
    if row["status"] != "ok":
        return True
    path = out / row["path"]
    return path.is_file() and _sha256(path) == str(row["sha256"])


def _read_index(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of an earlier run; a line that a kill left half-written is skipped, and its clip is rendered again."""
    try:
        lines = (out / INDEX_NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    rows = {}
    for line in lines:
        try:
            row = json.loads(line)
            rows[row["key"], row["audio"]] = row
        except (ValueError, KeyError, TypeError):
            continue
    return rows


def _append(path: Path, row: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" + _line(row))  # starts a new line, even after one that was cut short


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, sort_keys=True) + "\n"


def _delete_others(out: Path, rows: list[dict[str, Any]]) -> None:
    kept = {out / row["path"] for row in rows if row["path"] is not None}
    for audio in AUDIOS:
        for path in sorted((out / audio).glob("*.mkv")):
            if path not in kept:
                path.unlink()
