"""`cals dub`: how long it takes and how much memory, for sounds of several lengths; memory must not grow with them.

    python -m tests.benchmarks.bench_dub --model FOLDER --video VIDEO --audio SOUND [--lengths 10 60 600]

The sound is repeated to each length and the video loops beneath it. Peak resident memory (VmHWM) of the whole process, and
the real-time factor: seconds of work for a second of video, the start of the program included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from tests.benchmarks.bench_memory import LOOK_EVERY_S, MIB, PROJECT, peak_bytes


def repeated_sound(sound: Path, length_s: float, path: Path) -> None:
    """Writes the sound over and over, cut at a length."""
    samples, rate = soundfile.read(sound)
    soundfile.write(path, np.resize(samples, (round(length_s * rate), *samples.shape[1:])), rate)


def measured_dub(model: Path, video: Path, audio: Path, folder: Path) -> tuple[float, int]:
    """Seconds on the clock and peak resident bytes of one dub."""
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "CALS_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "pipelines.cli", "dub", "--model", str(model), "--fit", "loop"]
    command += ["--video", str(video), "--audio", str(audio), "--out", str(folder / "dub.mp4")]
    begun, peak = time.monotonic(), 0
    with (folder / "dub.log").open("wb") as log:
        dub = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        while dub.poll() is None:
            peak = max(peak, peak_bytes(dub.pid))
            time.sleep(LOOK_EVERY_S)
    if dub.returncode:
        raise RuntimeError((folder / "dub.log").read_text(errors="replace")[-3000:])
    return time.monotonic() - begun, peak


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
            repeated_sound(given.audio, length_s, folder / "sound.wav")
            paths = (given.model.resolve(), given.video.resolve(), folder / "sound.wav")
            seconds, peak = measured_dub(*paths, folder)
            print(f"{length_s:8.0f}{seconds:9.1f}{seconds / length_s:8.2f}{peak / MIB:10.0f}", flush=True)


if __name__ == "__main__":
    main()
