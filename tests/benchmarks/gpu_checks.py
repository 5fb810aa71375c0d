"""All checks that need a GPU, in commands of a few minutes each.

    python tests/benchmarks/gpu_checks.py --plan
    python tests/benchmarks/gpu_checks.py --shards DIR --out DIR --minutes 9      # again and again, until it says: done

Needs torch, torchaudio, safetensors, numpy and a checkout of this project, nothing else. A command ends
after at most `--minutes`; the next one continues: trainings from their checkpoint, the rest from the files in
`--out`. The files to copy back are in `OUT/home`, at most 16 MB each:

    results.json            every value, every check with its target and whether it is reached
    cals_settings.json      settings of the trainings, for the dataset's entry in cals.yaml
    <model>/                model.json, result.json, progress.jsonl, weights in half precision, in parts
    renders-<method>/       mouths of the rendered test clips, with their own and with another clip's audio

At home `cals import-model home/<model> --dataset D` takes each model (sync_encoder, lse_evaluator, audio_to_lip, then the
generators) after checking shards, inputs, settings and code; `cals run --dataset D` then renders and scores with them.
Exit status: 0 done, 3 the time was up, run it again, 2 wrong input, 1 a training failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from cals_models.codecs.kept_frames import FOLDER_VARIABLE, kept_frames  # noqa: E402
from cals_models.config.profiles import PROFILES  # noqa: E402
from cals_models.methods.configs import model_config  # noqa: E402
from cals_models.networks.portable_model import make_portable, split_weights  # noqa: E402
from cals_models.shards.shard_set import ShardSet  # noqa: E402
from cals_models.training.run_directory import read_progress  # noqa: E402

SPARE_S = 20.0
TIMED_STEPS = 60
LARGEST_SHARD_BYTES = 50_000_000
EXIT_FAILED, EXIT_USAGE, EXIT_TIME_UP = 1, 2, 3
EXIT_TERMINATED = 143  # of a training that was told to stop
GENERATORS = ("wav2lip", "cals")
# The models of a wave are trained at the same time, in a process each: they share the GPU, and have the same time.
WAVES = {
    "encoders": ("sync_encoder", "lse_evaluator"),
    "audio_to_lip": ("audio_to_lip",),
    "generators": tuple(f"generator-{method}" for method in GENERATORS),
}
MODELS = tuple(name for wave in WAVES.values() for name in wave)
# Share of --train-minutes that each training gets.
SHARES = {"sync_encoder": 0.35, "lse_evaluator": 0.35, "audio_to_lip": 0.15, "generator": 1.0}
# What differs from the profile, for trainings of minutes on a set that fits in memory.
SHORT: dict[str, dict[str, object]] = {
    "sync_encoder": {"learning_rate": 4e-4, "ema_decay": 0.99, "weight_decay": 0.01, "compile": False},
    "lse_evaluator": {"learning_rate": 4e-4, "ema_decay": 0.99, "compile": False},
    "audio_to_lip": {"learning_rate": 4e-4, "ema_decay": 0.99, "compile": False},
    "generator": {"learning_rate": 3e-4, "ema_decay": 0.99, "output_from": "reference"},
}
ALWAYS: dict[str, object] = {
    "validation_clips": 16,
    "clip_cache_bytes": 4 * 1024**3,
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is settled: where its value stands in results.json, and what it must be.

    Args:
        path: path through results.json, or "" where it is settled at home.
    """

    name: str
    target: str
    path: str = ""
    at_least: float | None = None
    at_most: float | None = None


CHECKS = (
    *(
        Check(
            name=f"{model}: data wait", target="below 5 % of the step", path=f"trainings/{model}/data_wait_share", at_most=0.05
        )
        for model in MODELS
    ),
    *(
        Check(
            name=f"{model}: time", target="at most 10 minutes of training", path=f"trainings/{model}/seconds", at_most=600.0
        )
        for model in MODELS
    ),
    Check(name="wav2lip: step", target="at most half of the fp32 step without compilation", path="fp32_step/generator-wav2lip/ratio", at_most=0.5),
    Check(name="sync encoder: offset of test clips", target="exact on 95 %", path="clip_offsets/exact", at_least=0.95),
    Check(name="sync encoder: offset of test clips", target="within 1 frame on all", path="clip_offsets/within_1_frame", at_least=1.0),
    Check(
        name="sync encoder: single windows", target="within 1 frame on 60 %",
        path="trainings/sync_encoder/figures/retrieval_within_1_frame", at_least=0.6,
    ),
    Check(name="cals: PSNR", target="at least 33.2 dB", path="scores/cals/psnr/mean", at_least=33.2),
    Check(name="cals: SSIM", target="at least 0.90", path="scores/cals/ssim/mean", at_least=0.90),
    Check(name="cals over wav2lip: PSNR", target="higher, interval above 0", path="cals_minus_wav2lip/psnr/low", at_least=0.0),
    Check(name="cals over wav2lip: LSE-D", target="lower, interval below 0", path="cals_minus_wav2lip/lse_d/high", at_most=0.0),
    Check(name="cals over wav2lip: LSE-C", target="higher, interval above 0", path="cals_minus_wav2lip/lse_c/low", at_least=0.0),
    Check(name="cals: wrong audio, LSE-D", target="worse, interval above 0", path="scores/cals/lse_d_margin/low", at_least=0.0),
    Check(name="cals: wrong audio, LSE-C", target="worse, interval above 0", path="scores/cals/lse_c_margin/low", at_least=0.0),
    Check(name="cals: LMD", target="at most 1.18 px; lower than wav2lip's, and than with the wrong audio"),
)  # fmt: skip


class TimeUp(Exception):
    """The command's minutes are over; the next one goes on."""


class Failed(Exception):
    """A training ended with an error."""


class Clock:
    """When this command must end."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes - SPARE_S

    def is_up(self) -> bool:
        return time.monotonic() > self._end

    def require(self) -> None:
        if self.is_up():
            raise TimeUp


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where things lie, and how they are run."""

    shards: Path
    out: Path
    device: str
    profile: str
    train_minutes: float
    given: Mapping[str, Mapping[str, object]]
    clock: Clock

    @property
    def home(self) -> Path:
        return self.out / "home"

    def model(self, name: str) -> Path:
        return self.out / "models" / name

    def results(self) -> dict[str, Any]:
        path = self.home / "results.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def record(self, **facts: object) -> None:
        write_json(self.home / "results.json", {**self.results(), **facts})


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=1) + "\n")
    partial.replace(path)


def main() -> int:
    parser = argparse.ArgumentParser(
        description="All checks that need a GPU, in commands of a few minutes each."
    )
    parser.add_argument("--plan", action="store_true", help="say what will be checked, and end")
    parser.add_argument("--shards", type=Path, help="folder with manifest.json and the tars of a dataset")
    parser.add_argument(
        "--out", type=Path, help="folder for all that is made; the next command goes on from it"
    )
    parser.add_argument(
        "--minutes", type=float, default=9.0, help="this command ends before (default: %(default)s)"
    )
    parser.add_argument(
        "--train-minutes", type=float, default=9.0, help="a generator's training (default: %(default)s)"
    )
    parser.add_argument("--until", choices=WAVES, help="end after these trainings; the next command goes on")
    parser.add_argument("--device", default="auto", help="auto, cuda, cpu (default: %(default)s)")
    parser.add_argument("--profile", default="paper", choices=sorted(PROFILES))
    parser.add_argument(
        "--settings", type=Path, help="JSON: stage -> setting -> value, on top of the profile"
    )
    options = parser.parse_args()
    if options.plan:
        print("\n".join(plan_lines()))
        return 0
    if options.shards is None or options.out is None:
        parser.error("give --shards and --out, or --plan")
    try:
        place = open_place(options)
    except (ValueError, OSError) as error:
        print(f"gpu_checks: error: {error}", file=sys.stderr)
        return EXIT_USAGE
    try:
        if not run_checks(place, options.until):
            print(f"gpu_checks: {options.until}: trained; run it again without --until for the rest")
            return EXIT_TIME_UP
    except TimeUp:
        print("gpu_checks: the time of this command is up: run it again, it goes on from here", flush=True)
        return EXIT_TIME_UP
    except Failed as error:
        print(f"gpu_checks: error: {error}", file=sys.stderr)
        return EXIT_FAILED
    print("\n".join(result_lines(place.results())))
    print(f"gpu_checks: done; bring home {place.home}")
    return 0


def plan_lines() -> list[str]:
    lines = [
        f"trained, one wave after the other: {'; '.join(', '.join(wave) for wave in WAVES.values())}",
        "measured of each: step time, samples a second, data wait, GPU utilisation, memory, validation metrics",
        "measured besides: step in fp32 without compilation, frames drawn and LSE windows a second, renders of the test",
        "clips with their own and another clip's audio: PSNR, SSIM, mouth alone, LSE by the evaluator trained here",
        "checked:",
    ]
    for check in CHECKS:
        where = "" if check.path else "  (at home, on the imported model: cals run)"
        lines.append(f"  {check.name}: {check.target}{where}")
    return lines


def open_place(options: argparse.Namespace) -> Place:
    """Checks what was given.

    Raises:
        ValueError: no shards there, a split is empty, no such device, wrong settings.
    """
    import torch

    device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"--device {options.device}: torch sees no GPU; give --device cpu for a trial of a few steps"
        )
    given = json.loads(options.settings.read_text()) if options.settings else {}
    shard_set = ShardSet(options.shards)
    for split in ("train", "val", "test"):
        if shard_set.num_clips(split) == 0:
            raise ValueError(f"{options.shards}: the split {split} holds no clip")
    for shard in (shard for some in shard_set.shards.values() for shard in some):
        if shard.num_bytes > LARGEST_SHARD_BYTES:
            print(
                f"{shard.path}: {shard.num_bytes / 1e6:.0f} MB; shards of at most 50 MB travel better: more buckets"
            )
    place = Place(
        shards=options.shards.absolute(), out=options.out.absolute(), device=device, profile=options.profile,
        train_minutes=options.train_minutes, given=given, clock=Clock(options.minutes),
    )  # fmt: skip
    for stage in SHARES:
        settings_of(place, stage, steps=1)
    place.record(
        device=torch.cuda.get_device_name() if device.startswith("cuda") else device, torch=torch.__version__,
        profile=options.profile, dataset=shard_set.dataset, shards=shard_set.digest,
        shard_bytes=sum(shard.num_bytes for some in shard_set.shards.values() for shard in some),
    )  # fmt: skip
    return place


def run_checks(place: Place, until: str | None) -> bool:
    """All of it, or the trainings up to a wave; whether it was all."""
    os.environ[FOLDER_VARIABLE] = str(place.out / "frames")
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(place.out / "compiled"))
    decode_ahead(place)
    for wave, names in WAVES.items():
        train_wave(place, names)
        if wave == until:
            return False
    time_fp32_steps(place)
    measure(place)
    results = place.results()
    place.record(checks=[outcome(check, results) for check in CHECKS])
    return True


def decode_ahead(place: Place) -> None:
    """Where there is no JPEG library: every clip's frames, once, by all processors."""
    try:
        import simplejpeg  # noqa: F401
    except ImportError:
        from gpu_measures import all_clips

        place.clock.require()
        start = time.monotonic()
        with ProcessPoolExecutor() as pool:
            clips = list(all_clips(place.shards))
            folder = place.out / "frames"
            waiting = [
                pool.submit(_keep, folder, bytes(c.members["mjpeg"]), c.meta["jpeg_offsets"]) for c in clips
            ]
            for one in waiting:
                one.result()
        if "decoded" not in place.results():
            place.record(decoded={"clips": len(clips), "seconds": time.monotonic() - start})


def _keep(folder: Path, mjpeg: bytes, offsets: list[int]) -> None:
    kept_frames(folder, memoryview(mjpeg), offsets)


def settings_of(place: Place, stage: str, **more: object) -> dict[str, Any]:
    """All settings of a training, spelt out."""
    own = {**ALWAYS, **SHORT[stage]} if place.profile == "paper" else {}
    return asdict(
        model_config(
            stage,
            "cals" if stage == "generator" else None,
            {**PROFILES[place.profile][stage], **own, **more, **place.given.get(stage, {})},
        )
    )


def planned_settings(place: Place, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The settings that the models of a wave are trained with, decided once: as many steps as the time allows.

    All generators have the same, as the methods of a dataset do; the one with the slowest step decides.
    """
    paths = {name: place.out / "plan" / f"{name.split('-')[0]}.json" for name in names}
    unplanned = [name for name, path in paths.items() if not path.exists()]
    to_time = [name for name in unplanned if "steps" not in place.given.get(name.split("-")[0], {})]
    step_s = timed_steps(place, to_time)
    for name in unplanned:
        stage = name.split("-")[0]
        settings = (
            settings_of(place, stage) if name not in step_s else settings_for_time(place, stage, step_s)
        )
        write_json(paths[name], settings)
    return {name: dict(json.loads(path.read_text())) for name, path in paths.items()}


def settings_for_time(place: Place, stage: str, step_s: Mapping[str, float]) -> dict[str, Any]:
    """The settings of a stage with as many steps as its share of the time holds."""
    slowest_s = max(seconds for name, seconds in step_s.items() if name.split("-")[0] == stage)
    steps = max(50, int(0.9 * 60 * place.train_minutes * SHARES[stage] / slowest_s))
    return settings_of(
        place,
        stage,
        steps=steps - steps % 10 ** max(0, len(str(steps)) - 2),
        warmup_steps=min(200, steps // 10),
        validate_every_steps=max(1, steps // 6),
        checkpoint_every_steps=max(1, int(60 / slowest_s)),
    )


def timed_steps(place: Place, names: Sequence[str]) -> dict[str, float]:
    """Seconds that a step of each training takes, after compilation, with the others of the wave beside it."""
    every = {
        "validate_every_steps": TIMED_STEPS,
        "checkpoint_every_steps": TIMED_STEPS,
        "log_every_steps": 10,
        "validation_clips": 2,
    }
    jobs = {
        name: settings_of(place, name.split("-")[0], steps=TIMED_STEPS, warmup_steps=10, **every)
        for name in names
    }
    run_trainings(place, "timing", jobs)
    return {name: newest_step_s(place.out / "timing" / name) for name in names}


def newest_step_s(folder: Path) -> float:
    """Median of the last three step times that a training wrote down."""
    lines = [line for line in read_progress(folder / "progress.jsonl") if line.get("split") == "train"]
    return statistics.median([line["metrics"]["seconds_per_step"] for line in lines[-3:]])


def train_wave(place: Place, names: Sequence[str]) -> None:
    """Trains some models at the same time to their ends, makes them portable, records what was measured on the way."""
    waiting = [name for name in names if name not in place.results().get("trainings", {})]
    if not waiting:
        return
    settings = planned_settings(place, names)
    run_trainings(place, "train", {name: settings[name] for name in waiting})
    for name in waiting:
        folder, target = place.out / "train" / name, place.home / name
        make_portable(folder, place.model(name))
        unsplit = shutil.ignore_patterns("model.safetensors")
        shutil.copytree(place.model(name), target, dirs_exist_ok=True, ignore=unsplit)
        split_weights(place.model(name), target)
        trainings = place.results().get("trainings", {})
        place.record(trainings={**trainings, name: training_facts(place, name, settings[name])})
    write_json(place.home / "cals_settings.json", {"profile": place.profile, "settings": overrides(place)})


def overrides(place: Place) -> dict[str, dict[str, Any]]:
    """What differs from the profile, as a dataset's entry in cals.yaml wants it."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((place.out / "plan").glob("*.json")):
        usual = json.loads(
            json.dumps(
                asdict(
                    model_config(
                        path.stem,
                        "cals" if path.stem == "generator" else None,
                        PROFILES[place.profile][path.stem],
                    )
                )
            )
        )
        planned = json.loads(path.read_text())
        found[path.stem] = {name: value for name, value in planned.items() if value != usual[name]}
    return found


def training_facts(place: Place, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    folder = place.out / "train" / name
    result = json.loads((folder / "result.json").read_text())
    lines = [
        line["metrics"] for line in read_progress(folder / "progress.jsonl") if line.get("split") == "train"
    ]
    steady = lines[len(lines) // 3 :] or lines
    step_s = statistics.median([line["seconds_per_step"] for line in steady])
    samples = settings["batch_samples"] * settings["accumulate_batches"]
    return {
        **{fact: result[fact] for fact in ("steps", "seconds", "num_parameters", "figures", "chance", "warnings", "peak_memory_bytes")},
        "step_s": step_s,
        "samples_per_s": samples / step_s,
        "data_wait_share": statistics.median([line["data_wait_share"] for line in steady]),
        "trained_beside": [other for wave in WAVES.values() if name in wave for other in wave if other != name],
        "gpu_utilisation": utilisation(place.out / "train" / f"{name}.gpu"),
    }  # fmt: skip


def run_trainings(place: Place, where: str, jobs: Mapping[str, Mapping[str, Any]]) -> None:
    """Runs `python -m cals_models.training` for each model at once, until all are done or the time is up.

    Args:
        where: folder under `--out`; each model has one of its own in it, which keeps its checkpoint.
        jobs: model -> its settings.

    Raises:
        TimeUp: it goes on in the next command.
        Failed: one ended with an error; the others are ended too.
    """
    waiting = [name for name in jobs if not (place.out / where / name / "result.json").exists()]
    if not waiting:
        return
    place.clock.require()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running: dict[str, subprocess.Popen[bytes]] = {}
    watchers = []
    try:
        for name in waiting:
            out = place.out / where / name
            print(f"gpu_checks: {where}/{name}: {jobs[name]['steps']} steps", flush=True)
            words = [*training_words(place, name, jobs[name], out), "--device", place.device, "--quiet"]
            watchers.append(watch_gpu(out.with_suffix(".gpu"), place.device))
            running[name] = subprocess.Popen(words, cwd=ROOT, env=environment)
        while None in (statuses := [process.poll() for process in running.values()]):
            if place.clock.is_up() or any(statuses):
                break
            time.sleep(0.2)
    finally:
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        for process in running.values():
            process.wait()
        for watcher in watchers:
            if watcher is not None:
                watcher.kill()
    for name, process in running.items():
        if process.returncode not in (0, -signal.SIGTERM, EXIT_TERMINATED):
            raise Failed(f"{where}/{name}: the training ended with exit status {process.returncode}")
    if any(process.returncode for process in running.values()):
        raise TimeUp


def training_words(place: Place, name: str, settings: Mapping[str, Any], out: Path) -> list[str]:
    """The command that trains a model in a folder; its job lies beside it."""
    stage, _, method = name.partition("-")
    needed = {"audio_to_lip": ("sync_encoder",), "generator": ("sync_encoder", "audio_to_lip")}.get(stage, ())
    job = {
        "stage": stage, "method": method or None, "dataset": ShardSet(place.shards).dataset,
        "shards": [str(place.shards)], "config": settings, "inputs": {one: str(place.model(one)) for one in needed},
    }  # fmt: skip
    config = out.with_suffix(".json")
    write_json(config, job)
    return [sys.executable, "-m", "cals_models.training", stage, "--config", str(config), "--out", str(out)]


def watch_gpu(path: Path, device: str) -> subprocess.Popen[bytes] | None:
    """Writes utilisation (%) and memory (MiB) twice a second, where nvidia-smi is at hand."""
    if not device.startswith("cuda") or shutil.which("nvidia-smi") is None:
        return None
    query = [
        "nvidia-smi",
        "--query-gpu=utilization.gpu,memory.used",
        "--format=csv,noheader,nounits",
        "--loop-ms=500",
    ]
    with path.open("ab") as file:
        return subprocess.Popen(query, stdout=file, stderr=subprocess.DEVNULL)


def utilisation(path: Path) -> float | None:
    """Median share of the time that the GPU was at work, once the training was under way; None where nobody looked."""
    if not path.exists():
        return None
    values = [
        float(line.split(",")[0]) / 100 for line in path.read_text().splitlines() if line.count(",") == 1
    ]
    return statistics.median(values[len(values) // 3 :]) if values else None


def time_fp32_steps(place: Place) -> None:
    """The generators' steps in fp32 without compilation, both at once, as they were trained."""
    if "fp32_step" in place.results():
        return
    names = WAVES["generators"]
    jobs = {}
    for name, planned in planned_settings(place, names).items():
        steps = min(30, planned["steps"])
        plain = {"precision": "fp32", "compile": False, "steps": steps, "log_every_steps": max(1, steps // 6)}
        jobs[name] = {**planned, **plain, "validation_clips": 2}
    run_trainings(place, "timing-fp32", jobs)
    trained = place.results()["trainings"]
    found = {}
    for name in names:
        fp32_s, step_s = newest_step_s(place.out / "timing-fp32" / name), trained[name]["step_s"]
        found[name] = {"fp32_s": fp32_s, "step_s": step_s, "ratio": step_s / fp32_s}
    place.record(fp32_step=found)


def measure(place: Place) -> None:
    """Renders, their metrics, offsets, speeds: each is done once."""
    from gpu_measures import clip_offsets, compared, render_test_clips, speeds, summarised

    from cals_models.metrics.lse_weights import load_trained_evaluator

    def done(name: str) -> bool:
        place.clock.require()
        return name in place.results()

    try:
        for method in GENERATORS:
            if not done(f"clips_{method}"):
                evaluator = load_trained_evaluator(place.model("lse_evaluator"), device=place.device)
                folder = place.home / f"renders-{method}"
                model = place.model(f"generator-{method}")
                scores = render_test_clips(
                    place.shards, model, evaluator, folder, place.device, place.clock.is_up
                )
                place.record(**{f"clips_{method}": scores})
        clips = {method: place.results()[f"clips_{method}"] for method in GENERATORS}
        place.record(
            scores={method: summarised(scores) for method, scores in clips.items()},
            cals_minus_wav2lip=compared(clips["cals"], clips["wav2lip"]),
        )
        if not done("clip_offsets"):
            place.record(clip_offsets=clip_offsets(place.shards, place.model("sync_encoder"), place.device))
        if not done("speeds"):
            models = {method: place.model(f"generator-{method}") for method in GENERATORS}
            evaluator_folder = place.model("lse_evaluator")
            place.record(
                speeds=speeds(place.shards, models, evaluator_folder, place.device, place.clock.is_up)
            )
    except TimeoutError as error:
        raise TimeUp from error


def outcome(check: Check, results: Mapping[str, Any]) -> dict[str, object]:
    """A check with its value; passed is None where it is settled at home."""
    value: Any = results
    for step in check.path.split("/") if check.path else ():
        value = value.get(step) if isinstance(value, dict) else None
    measured = value if isinstance(value, int | float) else None
    passed: bool | None = None
    if check.path and measured is not None:
        passed = (check.at_least is None or measured >= check.at_least) and (
            check.at_most is None or measured <= check.at_most
        )
    return {"name": check.name, "target": check.target, "measured": measured, "passed": passed}


def result_lines(results: Mapping[str, Any]) -> list[str]:
    words = {True: "reached", False: "NOT reached", None: "open"}
    lines = [f"on {results['device']}, torch {results['torch']}:"]
    for check in results["checks"]:
        value = "" if check["measured"] is None else f" {check['measured']:.4g}"
        lines.append(f"  {words[check['passed']]}: {check['name']}: {check['target']}:{value}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
