"""A dub that is ended by a signal leaves the old file, or none, and nothing beside it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.dubbing.ending_signals import unwound_by_signals
from tests.pipelines.dubbing.dub_inputs import write_audio, write_model
from tests.pipelines.dubbing.dub_outputs import write_rich

PROJECT = Path(__file__).resolve().parents[3]
OLD = b"an earlier dub"


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_the_work_and_leaves_the_handlers(sign: signal.Signals) -> None:
    before, interrupt = signal.getsignal(sign), signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as left, unwound_by_signals():
        os.kill(os.getpid(), sign)
        time.sleep(1)
    assert left.value.code == 128 + sign and signal.getsignal(sign) == before
    assert signal.getsignal(signal.SIGINT) == interrupt


def start(folder: Path, video: Path) -> subprocess.Popen[bytes]:
    own = {k: v for k, v in os.environ.items() if not k.startswith("CALS_")}
    command = [
        sys.executable, "-m", "pipelines.cli.main", "dub", "--fit", "loop", "--model", "model", "--force-model",
        "--video", str(video), "--audio", "a.wav", "--out", "out/dub.mp4",
    ]  # fmt: skip
    environment = own | {"PYTHONPATH": str(PROJECT), "CALS_HOME": str(folder / "home")}
    silence = subprocess.DEVNULL
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=silence,
        stderr=silence,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # a shell's jobs ignore it
    )


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_ended_at_ten_random_moments_the_old_file_or_the_whole_new_one_is_there(tmp_path: Path) -> None:
    """SIGTERM and SIGINT in turn; the moments are spread over the time that a whole dub takes."""
    (tmp_path / "cals.yaml").write_text("settings: {}\ndatasets: {}\n")
    write_model(tmp_path / "model")
    write_audio(tmp_path / "a.wav", 10.0)
    video, out = write_rich(tmp_path / "v.mp4"), tmp_path / "out" / "dub.mp4"
    begun = time.monotonic()
    assert start(tmp_path, video).wait() == 0
    whole_s, whole = time.monotonic() - begun, out.stat().st_size
    chance, sizes, codes = random.Random(4), [], []
    for number in range(10):
        out.write_bytes(OLD)
        run = start(tmp_path, video)
        time.sleep(whole_s * chance.uniform(0.4, 0.95))
        run.send_signal((signal.SIGTERM, signal.SIGINT)[number % 2])
        codes.append(run.wait())
        sizes.append(out.stat().st_size)
        assert [path.name for path in out.parent.iterdir()] == ["dub.mp4"], (number, codes)
        assert out.read_bytes() == OLD or out.stat().st_size > 0.9 * whole
    assert sizes.count(len(OLD)) >= 5, (sizes, codes, whole_s)
