"""Every command in README and docs is accepted, and run on a small project or listed here with the reason why not."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from assets.project.atomic_files import write_text
from assets.project.settings import load_project
from assets.store.warehouse import publish
from pipelines import doctor
from pipelines.cli.main import main, make_parser
from tests.docs.doc_commands import PROJECT, DocCommand, documented_commands
from tests.support.fresh_home import Size, make_fresh_home
from tests.support.lineage_home import SyntheticRun, make_project

COMMANDS = documented_commands()
CALS = [command for command in COMMANDS if command.text.startswith("cals ")]
OTHERS = [command for command in COMMANDS if " " in command.text and command not in CALS]
# First words of a command -> why it is not run here.
NOT_RUN = {
    "cals demo": "minutes; run in tests/pipelines/test_end_to_end.py",
    "cals adapt": "needs a trained base and minutes; tests/pipelines/test_adapt.py makes the dataset",
    "cals dub": "needs a trained model and minutes; tests/pipelines/dubbing/test_run.py dubs with small networks",
    "cals import-model": "needs a training's folder; tests/pipelines/test_import_model.py imports one",
    "cals mos serve": "a server that stays; tests/pipelines/mos/test_app.py talks to it",
    "cals mos summary": "needs a study with answers; run in tests/pipelines/cli/test_mos.py",
    "cals mos export": "needs a study with answers; run in tests/pipelines/cli/test_mos.py",
    "cals score": "needs videos and an evaluator; run in tests/pipelines/scoring/test_score.py",
    "cals ui": "two servers that stay",
    "cals add NAME --layout voxceleb2": "the example's own layout; tests/extending adds it",
    "cals run --force": "computes; run in tests/pipelines/test_force.py",
    "cals run --dataset grid --force": "computes; run in tests/pipelines/test_force.py",
    "cals run --to loudness": "the example's own stage; tests/extending runs it",
    "cals trace table_3/<dataset>/external/NAME/psnr": "needs scored videos; run in tests/pipelines/scoring/test_score.py",
    "duckdb": "DuckDB's shell, which is not installed with the project",
    "git clone": "needs a network",
    "make": "sets up an environment, and runs for minutes",
    "pip": "changes the environment",
    "pre-commit": "changes the checkout's hooks",
    "python -m cals_models.training": "needs shards; run in tests/pipelines/test_import_model.py",
    "python -m pytest": "runs tests",
    "python -m docs.images.draw_lips": "needs the rendered clips of the demo",
    "python -m tests.benchmarks": "minutes",
    "python -m tests.support.traced_stages": "minutes: it computes every stage",
    "python tests/benchmarks/gpu_checks.py": "needs shards; tests/benchmarks runs it on a CPU",
}
# Commands that run on a home in which nothing is stale; the others run on one with two models and their lineage.
ON_A_FRESH_HOME = ("run", "report")
DATASET = "sample_lrs2"
# Placeholder in a command -> what stands for it here.
PLACEHOLDERS = {
    "/data/grid": "{data}/grid",
    "/data/LRW": "{data}/lrw",
    "/data/LRS2": "{data}/lrs2",
    "/data/HDTF": "{data}/hdtf",
    "/data/anything": "{data}/folder",
    "videos/": "{data}/folder",
    "CLIP_ID": f"{DATASET}/train/2",
    "FILE": "{raw}/train/2.mp4",
    "raw/video.mp4": "{raw}/train/2.mp4",
    "TEXT": "consent withdrawn",
    "cals-generator/3": "cals-generator/1",
    "4b68598a95dc": "{shards}",
}
RAW_FILES = {
    "grid/s1/bbaf2n.mpg": "",
    "lrw/lipread_mp4/ABOUT/train/ABOUT_00001.mp4": "",
    "lrs2/mvlrs_v1/main/5535415699068794046/00001.mp4": "",
    "lrs2/train.txt": "5535415699068794046/00001\n",
    "hdtf/RD_Radio1_000.mp4": "",
    "folder/any/name.mp4": "",
}


def begins_with(command: DocCommand, start: str) -> bool:
    return re.match(rf"{re.escape(start)}(?![\w-])", command.text) is not None


def reason_not_to_run(command: DocCommand) -> str | None:
    starts = [start for start in NOT_RUN if begins_with(command, start)]
    return NOT_RUN[max(starts, key=len)] if starts else None


RUN = [command for command in CALS if not command.is_mention and reason_not_to_run(command) is None]


def names(commands: list[DocCommand]) -> list[str]:
    return [f"{command.place} {command.text}" for command in commands]


def test_commands_are_found() -> None:
    assert len(CALS) > 60 and len(RUN) > 30 and len(OTHERS) > 15


@pytest.mark.parametrize("command", CALS, ids=names(CALS))
def test_the_parser_accepts(command: DocCommand, capsys: pytest.CaptureFixture[str]) -> None:
    if "example's own" in (reason_not_to_run(command) or ""):
        return
    for words in command.variants():
        try:
            make_parser().parse_args(words[1:])
        except SystemExit as leaving:
            said = capsys.readouterr()
            may_be_short = not command.is_in_block and "are required" in said.err
            assert leaving.code == 0 or may_be_short, f"{command.place}: {command.text}: {said.err}"


@pytest.mark.parametrize("command", OTHERS, ids=names(OTHERS))
def test_other_programs_have_what_is_named(command: DocCommand) -> None:
    assert reason_not_to_run(command), f"{command.place}: {command.text}: say in NOT_RUN why it is not run"
    for program, *words in command.variants():
        if program == "make":
            makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
            assert all(re.search(rf"^{target}:", makefile, re.M) for target in words), command
        elif program == "pip":
            extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"][
                "optional-dependencies"
            ]
            assert words[0] == "install" and {e for w in words for e in re.findall(r"\[(\w+)\]", w)} <= {
                *extras
            }
        elif program == "python" and words[:2] == ["-m", "pytest"]:
            assert all((PROJECT / word).exists() for word in words[2:] if "/" in word), command
        elif program == "python":
            source = source_of(words).read_text(encoding="utf-8")
            unknown = [word for word in words if word.startswith("--") and f'"{word}"' not in source]
            assert not unknown, f"{command.place}: {command.text}: no option {unknown}"


def source_of(words: list[str]) -> Path:
    if words[0] != "-m":
        return PROJECT / words[0]
    found = PROJECT / f"{words[1].replace('.', '/')}.py"
    return found if found.exists() else PROJECT / words[1].replace(".", "/") / "__main__.py"


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two projects: ``traced`` with models and scores, and ``fresh``, in which nothing is stale."""
    folder = tmp_path_factory.mktemp("docs")
    project = make_project(folder / "traced", DATASET)
    SyntheticRun(project, "first", dataset=DATASET).make_all()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DAGSTER_HOME", "set by the project")
        publish(project.home)
        size = Size(clips=4, ledger_rows=60, single_rows=2, datasets=1, buckets=1, test_clips=2)
        make_fresh_home(folder / "fresh", size, ["ground_truth", "cals"])
    return folder


@pytest.mark.parametrize("command", RUN, ids=names(RUN))
def test_a_command_runs(
    command: DocCommand,
    homes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = next(command.variants())[1:]
    project = tmp_path / "project"
    shutil.copytree(homes / ("fresh" if words[0] in ON_A_FRESH_HOME else "traced"), project, symlinks=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("CALS_CONFIG", str(project / "cals.yaml"))
    monkeypatch.setenv("CALS_HOME", str(project / ".cals"))
    monkeypatch.setenv("DAGSTER_HOME", "set by the project")
    monkeypatch.setattr(doctor, "LIBRARIES", {})  # other tests import them all
    if words[0] == "doctor":
        monkeypatch.setenv("CALS_HOME", str(project / "new"))
    for name, content in RAW_FILES.items():
        write_text(tmp_path / "data" / name, content)
    status = main([here(word, project) for word in with_dataset_of(project, words)])
    said = capsys.readouterr()
    assert status == 0, f"{command.place}: {command.text}: {said.err}"
    assert said.out.strip(), f"{command.place}: {command.text} printed nothing"


def here(word: str, project: Path) -> str:
    """What stands for a placeholder; any other word as it is."""
    if word not in PLACEHOLDERS:
        return word
    manifest = json.loads((project / ".cals" / "shards" / DATASET / "manifest.json").read_text())
    return PLACEHOLDERS[word].format(
        data=project.parent / "data", raw=project / "raw", shards=manifest["digest"][:12]
    )


def with_dataset_of(project: Path, words: list[str]) -> list[str]:
    (name,) = load_project(project / "cals.yaml").datasets
    return [
        name if before == "--dataset" else word for before, word in zip(["", *words], words, strict=False)
    ]


def test_the_tests_that_run_a_command_instead_exist() -> None:
    named = {path for reason in NOT_RUN.values() for path in re.findall(r"tests/[\w/.]*", reason)}
    assert not [path for path in named if not (PROJECT / path).exists()]


def test_no_entry_is_left_of_a_command_that_is_gone() -> None:
    assert not [start for start in NOT_RUN if not any(begins_with(command, start) for command in COMMANDS)]
    used = {word for command in RUN for words in command.variants() for word in words}
    assert not PLACEHOLDERS.keys() - used
