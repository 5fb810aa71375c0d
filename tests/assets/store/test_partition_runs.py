"""One process at a time works on a partition; a killed one blocks nobody, and its file shows that it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assets.project.home import Home
from assets.store.partition_runs import (
    DONE,
    FAILED,
    PartitionRun,
    file_name,
    folder,
    is_alive,
    progress_of,
    read_run,
    waiting_for,
    work_on,
)
from assets.workers.progress import Progress, progress_bar, report_progress

MELS = ("mels", "one", None)
PROJECT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys, time
from pathlib import Path
from assets.project.home import Home
from assets.store.partition_runs import work_on
with work_on(Home(Path(sys.argv[1])), [("mels", "one", None)], "run", print):
    print("works", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def noted(home: Home, of: tuple[str, str, str | None] = MELS) -> PartitionRun:
    run = read_run(folder(home) / f"{file_name(*of)}.json")
    assert run is not None
    return run


def start_holder(home: Home) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.root)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert process.stdout is not None and process.stdout.readline() == "works\n"
    return process


def test_a_killed_process_blocks_nobody(home: Home) -> None:
    holder = start_holder(home)
    said: list[str] = []
    waits, held = threading.Event(), threading.Event()

    def wait() -> None:
        def say(line: str) -> None:
            said.append(line)
            waits.set()

        with work_on(home, [MELS], "mine", say) as work:
            assert work.waited
            held.set()
            work.end(DONE)

    thread = threading.Thread(target=wait)
    thread.start()
    assert waits.wait(20) and not held.wait(0.6), "it is held by the other process"
    assert said == [f"mels/one: waits for process {holder.pid} on {os.uname().nodename}, which works on it"]
    ((_, waiting),) = waiting_for(folder(home))
    assert (waiting.asset, waiting.worker.pid) == ("mels", os.getpid())
    holder.kill()
    holder.wait()
    assert held.wait(20)
    thread.join()
    assert list(waiting_for(folder(home))) == [] and noted(home).state == DONE


def test_progress_of_the_work_is_noted(home: Home) -> None:
    with work_on(home, [MELS], "run", print) as work:
        assert noted(home).state == "running" and noted(home).progress is None
        with progress_of(work), progress_bar("mels of one", 4) as advance:
            advance(1)
            advance(3)
            progress = noted(home).progress
            assert progress == Progress(title="mels of one", done=4, total=4, unit="clip")
            report_progress(Progress(title="training", done=2, total=9, unit="step", log="/log"))
            assert noted(home).progress == Progress(
                title="training", done=2, total=9, unit="step", log="/log"
            )
        report_progress(Progress(title="elsewhere", done=0, total=1, unit="clip"))
        work.end(DONE)
    run = noted(home)
    assert run.state == DONE and run.ended_s is not None and run.ended_s >= run.since_s
    assert run.progress is not None and run.progress.title == "training"


def test_an_error_is_noted_and_what_ended_stays_ended(home: Home) -> None:
    with pytest.raises(ValueError, match="no"), work_on(home, [MELS], "run", print):
        raise ValueError("no\n  good")
    assert (noted(home).state, noted(home).error) == (FAILED, "ValueError: no good")
    with pytest.raises(ValueError, match="late"), work_on(home, [MELS], "run", print) as work:
        work.end(DONE)
        raise ValueError("late")
    assert noted(home).state == DONE


def test_partitions_of_one_pass_are_held_together_and_others_stay_free(home: Home) -> None:
    both = [("face_tracks", "one", None), ("face_crops", "one", None)]
    with work_on(home, both, "run", print) as work, work_on(home, [MELS], "run", print) as other:
        assert not work.waited and not other.waited
        assert {noted(home, of).state for of in (*both, MELS)} == {"running"}


def test_the_mark_of_a_killed_waiter_is_removed(home: Home) -> None:
    with work_on(home, [MELS], "run", print) as work:
        work.end(DONE)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_alive(ended.pid) and is_alive(os.getpid())
    text = (folder(home) / f"{file_name(*MELS)}.json").read_text()
    mark = folder(home) / f"{file_name(*MELS)}.waiting-here-{ended.pid}.json"
    mark.write_text(text.replace(f'"pid": {os.getpid()}', f'"pid": {ended.pid}'))
    assert len(list(waiting_for(folder(home)))) == 1
    with work_on(home, [MELS], "run", print) as work:
        work.end(DONE)
    assert not mark.exists()


def test_names_of_files_keep_partitions_apart(home: Home) -> None:
    names = {
        file_name("renders", "a", "external/b"),
        file_name("renders", "a", "external-b"),
        file_name("renders", "a", None),
    }
    assert len(names) == 3 and all("/" not in name for name in names)
    assert read_run(folder(home) / "none.json") is None
