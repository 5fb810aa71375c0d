"""`cals dub`: how long it takes and how much memory, for audio of several lengths; memory must not grow with them.

    python -m tests.benchmarks.bench_dub --model FOLDER --video VIDEO --audio AUDIO [--lengths 10 60 600]

The audio is repeated to each length and the video loops beneath it. Peak resident memory (VmHWM) of the whole process, and
the real-time factor: seconds of work for a second of video, the start of the program included. Then where the time of the first
of them goes (`dub_parts`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tests.benchmarks.bench_memory import MIB, watched_cals


def repeat_audio(audio: Path, length_s: float, path: Path) -> None:
    """Writes the audio over and over, cut at a length."""
    samples, rate = soundfile.read(audio)
    soundfile.write(path, np.resize(samples, (round(length_s * rate), *samples.shape[1:])), rate)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained generator")
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--lengths", type=float, nargs="+", default=[10, 60, 600], help="seconds")
    given = parser.parse_args()
    print(f"{'seconds':>8}{'work s':>9}{'factor':>8}{'peak MiB':>10}", flush=True)
    for length_s in given.lengths:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "cals.yaml").write_text("settings: {}\ndatasets: {}\n")
            repeat_audio(given.audio, length_s, folder / "audio.wav")
            peaks = watched_cals(folder, *_command(given, folder))
            factor = peaks.seconds / length_s
            print(f"{length_s:8.0f}{peaks.seconds:9.1f}{factor:8.2f}{peaks.run / MIB:10.0f}", flush=True)
    print(f"\n{given.lengths[0]:g} s, with the profiler's own time:")
    with tempfile.TemporaryDirectory() as name:
        repeat_audio(given.audio, given.lengths[0], Path(name) / "audio.wav")
        parts = [sys.executable, "-m", "tests.benchmarks.dub_parts", *_command(given, Path(name))]
        print(subprocess.run(parts, check=True, capture_output=True, text=True).stdout)


def _command(given: argparse.Namespace, folder: Path) -> list[str]:
    return [
        "dub", "--fit", "loop", "--force-model", "--model", str(given.model.resolve()),
        "--video", str(given.video.resolve()), "--audio", str(folder / "audio.wav"), "--out", str(folder / "dub.mp4"),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
