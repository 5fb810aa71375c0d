"""Training windows a second: this project's shard loader against a data set read as Wav2Lip reads it.

    python -m tests.benchmarks.bench_loader [--clips 24] [--seconds 8]

A window is 5 frames of 128 x 128, 1 reference frame and 20 mel frames. Both read the same generated clips, in one
process, in turns within one run; absolute values belong to the machine, the ratio is what counts. Where other
programs share the machine, the rate by processor time is the steadier one.

The rival is written here after Wav2Lip's `hparams.py`, `audio.py` and `color_syncnet_train.py`: a folder of
JPEG files a clip (OpenCV's quality 95, 4:2:0), listed and read for each window, and the clip's whole mel
computed from its wav for each window. Wav2Lip's preprocessing leaves the audio at the video's own rate, here
44.1 kHz stereo as in GRID, to be resampled at each read; a second row reads 16 kHz mono instead.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import scipy.signal
import soundfile

from assets.mels.mel import log_mel
from assets.mels.settings import MelSettings
from assets.shards.manifest import write_manifest
from assets.shards.settings import ShardSettings
from assets.shards.write_shards import BucketInput, write_bucket
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from tests.support.shard_sets import clip_rows, facts_of, jpeg_columns, write_stage_files

NUM_FRAMES = 75
WINDOW_FRAMES = 5
WINDOWS_A_VISIT = 8
Window = tuple[np.ndarray, np.ndarray, np.ndarray]


def face_frames(seed: int) -> np.ndarray:
    """uint8 (75, 128, 128, 3): a photographed face that moves a little, with a camera's noise."""
    from skimage.data import astronaut

    rng = np.random.default_rng(seed)
    photograph = cv2.GaussianBlur(astronaut(), (0, 0), 0.7)
    steps = np.cumsum(rng.integers(-1, 2, (NUM_FRAMES, 2)), axis=0).clip(-20, 20) + np.array([40, 150])
    frames = np.stack([photograph[y : y + 128, x : x + 128] for y, x in steps]).astype(np.int16)
    return (frames + rng.normal(0, 1, frames.shape)).clip(0, 255).astype(np.uint8)


def make_shards(folder: Path, num_clips: int, num_val: int = 0) -> ShardSet:
    """The clips as shards, the last `num_val` in the split val; `folder / "jpegs"` gets them as Wav2Lip's preprocessing
    would leave them."""
    rows, clips = [], {}
    for number in range(num_clips):
        split = "train" if number < num_clips - num_val else "val"
        clip_id = f"bench/{split}/{number:04d}"
        clips[clip_id] = facts_of(clip_id, "bench", split)
        frames = face_frames(number)
        pcm = np.random.default_rng(number).normal(0, 3_000, 640 * NUM_FRAMES).astype(np.int16)
        write_jpeg_folder(folder / "jpegs" / f"{number:04d}", frames, pcm)
        row = clip_rows(clip_id, number, NUM_FRAMES)
        row["face_crops"] |= jpeg_columns(frames)
        mel = log_mel(pcm.astype(np.float32) / 32_768, MelSettings())
        row["mels"] |= {"mel": mel.astype(np.float16).tobytes(), "pcm": pcm.tobytes()}
        rows.append(row)
    source = BucketInput(
        bucket=0,
        clips=clips,
        stage_files=write_stage_files(folder / "stages", 0, rows),
        version="1",
        settings_digest="bench",
    )
    write_bucket(folder / "shards", source, ShardSettings())
    write_manifest(folder / "shards", "bench", [0])
    return ShardSet(folder / "shards")


def windows_of_clip(
    clip: ShardClip, rng: random.Random, executor: Executor | None = None
) -> Iterator[Window]:
    """Eight windows of one clip, its frames decoded together."""
    starts = [rng.randrange(clip.num_frames - WINDOW_FRAMES + 1) for _ in range(WINDOWS_A_VISIT)]
    references = [rng.randrange(clip.num_frames) for _ in starts]
    wanted = [start + step for start in starts for step in range(WINDOW_FRAMES)]
    frames = clip.frames([*wanted, *references], executor=executor)
    for row, start in enumerate(starts):
        window = frames[WINDOW_FRAMES * row : WINDOW_FRAMES * (row + 1)]
        yield window, frames[len(wanted) + row], clip.mel[:, 4 * start : 4 * (start + WINDOW_FRAMES)]


def shard_windows(shards: ShardSet, executor: Executor | None = None) -> Iterator[Window]:
    """Windows without end, streamed clip by clip in a new order each epoch."""
    rng, epoch = random.Random(0), 0
    while True:
        for clip in shards.clips("train", seed=0, epoch=epoch):
            yield from windows_of_clip(clip, rng, executor)
        epoch += 1


def loaded_windows(shards: ShardSet) -> Iterator[Window]:
    """The same from clips that are kept in memory, compressed."""
    rng, clips = random.Random(0), list(shards.clips("train"))
    while True:
        yield from windows_of_clip(rng.choice(clips), rng)


def write_jpeg_folder(folder: Path, frames: np.ndarray, pcm: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number}.jpg"), frame[..., ::-1])
    soundfile.write(folder / "audio_16k.wav", pcm, 16_000)
    full_rate = scipy.signal.resample_poly(pcm.astype(np.float64), 441, 160).clip(-32_768, 32_767)
    soundfile.write(folder / "audio.wav", np.stack([full_rate, full_rate], axis=1).astype(np.int16), 44_100)


def wav2lip_audio(path: Path) -> np.ndarray:
    """Audio at 16 kHz mono; a polyphase filter resamples where the file has another rate."""
    wav, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = wav.mean(axis=1)
    return mono if rate == 16_000 else scipy.signal.resample_poly(mono, 160, 441)


def wav2lip_mel(wav: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Wav2Lip's mel: pre-emphasis, window 800, hop 200, decibels scaled to [-4, 4]; (80, 80 a second)."""
    emphasised = scipy.signal.lfilter([1, -0.97], [1], wav)
    padded = np.pad(emphasised, 400)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 800)[::200]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(801)[:-1], axis=1)).T
    decibels = 20 * np.log10(np.maximum(10 ** (-100 / 20), bands @ magnitude)) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4)


def jpeg_folder_windows(folder: Path, wav_name: str) -> Iterator[Window]:
    """Windows without end as Wav2Lip's Dataset draws them, one reference frame instead of its five."""
    rng, clips = random.Random(0), sorted(folder.iterdir())
    bands = np.abs(
        np.random.default_rng(0).normal(size=(80, 401))
    )  # a filter bank's cost, whatever its values
    while True:
        clip = rng.choice(clips)
        names = list(clip.glob("*.jpg"))
        chosen, reference = rng.choice(names), rng.choice(names)
        start = int(chosen.stem)
        paths = [clip / f"{number}.jpg" for number in range(start, start + WINDOW_FRAMES)]
        if reference == chosen or not all(path.is_file() for path in paths):
            continue
        images = [cv2.resize(cv2.imread(str(path)), (128, 128)) for path in [*paths, reference]]
        mel = wav2lip_mel(wav2lip_audio(clip / wav_name), bands)
        first = int(80 * start / 25)
        if first + 16 > mel.shape[1]:
            continue
        yield np.stack(images[:WINDOW_FRAMES]), images[-1], mel[:, first : first + 16]


def windows_a_second(windows: Iterator[Window], seconds: float) -> tuple[float, float]:
    """Windows a second of wall time and of processor time, after one visit to warm up."""
    for _ in range(WINDOWS_A_VISIT):
        next(windows)
    count, start, busy = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        frames, reference, mel = next(windows)
        assert frames.shape == (WINDOW_FRAMES, 128, 128, 3) and reference.shape == (128, 128, 3)
        assert mel.shape[0] == 80
        count += 1
    return count / (time.perf_counter() - start), count / (time.process_time() - busy)


def measure(folder: Path, num_clips: int, seconds: float, rounds: int = 8) -> dict[str, tuple[float, float]]:
    """Median rates (wall, processor) of each way of reading, the ways taking turns."""
    shards = make_shards(folder, num_clips)
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(2) as threads:
        ways: dict[str, Callable[[], Iterator[Window]]] = {
            "JPEG folder, mel per window": lambda: jpeg_folder_windows(folder / "jpegs", "audio.wav"),
            "the same from 16 kHz wav files": lambda: jpeg_folder_windows(folder / "jpegs", "audio_16k.wav"),
            "shards, streamed": lambda: shard_windows(shards),
            "shards, streamed, 2 threads decode": lambda: shard_windows(shards, threads),
            "shards, kept in memory": lambda: loaded_windows(shards),
        }
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, windows in ways.items():
                rates[name].append(windows_a_second(windows(), seconds / rounds))
    return {
        name: (statistics.median(wall for wall, _ in found), statistics.median(busy for _, busy in found))
        for name, found in rates.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rates = measure(Path(folder), arguments.clips, arguments.seconds)
    rival = next(iter(rates.values()))
    print(f"{'windows a second of':36s} {'wall time':>18s} {'processor time':>18s}")
    for name, (wall, busy) in rates.items():
        print(f"{name:36s} {wall:8.0f} {wall / rival[0]:7.1f} x {busy:8.0f} {busy / rival[1]:7.1f} x")


if __name__ == "__main__":
    main()
