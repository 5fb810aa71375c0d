"""``cals import-model``: a model trained elsewhere is imported unchanged, or rejected with what differs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assets.project.graph import STAGES, source_names, stage_code
from assets.project.settings import Project, load_project
from assets.project.source_versions import TRAIN_ON
from assets.stage.run import MissingInput
from assets.store import ledger
from cals_models.networks.portable_model import make_portable, split_weights
from cals_models.shards.shard_set import ShardSet
from cals_models.training.__main__ import main
from pipelines.import_model import ImportRejected, _facts, _stage_run, check_origin, import_model
from pipelines.staleness import find_stale
from tests.cals_models.training.small_jobs import ALWAYS, SMALL
from tests.cals_models.training.talking_shards import write_talking_shards

DATASET = "made"
DATA_STAGES = ("clips", "face_tracks", "face_crops", "mels", "av_offsets", "shards")
SETTINGS = {stage: {**values, **ALWAYS, "steps": 2} for stage, values in SMALL.items()}


def observed(project: Project, source: str, dataset: str, method: str | None = None) -> str:
    """Stands for the raw files, which this project lacks."""
    kind, _, stage = source.partition("/")
    return project.settings_digest(dataset, stage) if kind == "settings" else f"no {source}"


@dataclass(frozen=True)
class TwoMachines:
    """A project with shards, and another machine that trains on a copy of them."""

    folder: Path

    @property
    def project(self) -> Project:
        return load_project(self.folder / "cals.yaml")

    def train(
        self, stage: str, *, method: str | None = None, inputs: dict[str, Path] | None = None, **settings: Any
    ) -> Path:
        """Trains by hand, as on a rented machine; returns the portable folder that is copied back."""
        values = self.project.settings_values(DATASET, stage) | settings
        given = {name: str(path) for name, path in (inputs or {}).items()}
        job = {"stage": stage, "method": method, "dataset": DATASET, "config": values, "inputs": given}
        name = "-".join([stage, method or "", *map(str, settings.values())])
        out, home = self.folder / "elsewhere" / name, self.folder / "home" / name
        config = self.folder / f"{name}.json"
        config.write_text(json.dumps(job | {"shards": [str(self.folder / "copy")]}))
        assert main([stage, "--config", str(config), "--out", str(out), "--device", "cpu", "--quiet"]) == 0
        make_portable(out, home)
        return home

    def stale(self) -> dict[str, str]:
        return {p.label: p.cause.text for p in find_stale(self.project)}


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoMachines]:
    entry = {
        "layout": "folder", "root": "raw", "profile": "tiny", "methods": ["ground_truth", "wav2lip"], "settings": SETTINGS,
    }  # fmt: skip
    (tmp_path / "cals.yaml").write_text(json.dumps({"datasets": {DATASET: entry}}))
    for name in ("CALS_HOME", "DAGSTER_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CALS_CONFIG", str(tmp_path / "cals.yaml"))
    for module in ("assets.stage.run", "pipelines.staleness", "pipelines.instance"):
        monkeypatch.setattr(f"{module}.source_version", observed)
    machines = TwoMachines(tmp_path)
    write_talking_shards(machines.project.home.shards(DATASET))
    shutil.copytree(machines.project.home.shards(DATASET), tmp_path / "copy")
    _record_data_stages(machines.project)
    yield machines


def _record_data_stages(project: Project) -> None:
    versions: dict[str, str] = {}
    for name in DATA_STAGES:
        stage = STAGES[name]
        digest = ShardSet(project.home.shards(DATASET)).digest
        versions[name] = digest if name == "shards" else f"content of {name}"
        inputs = {dep: versions[dep] for dep in stage.deps}
        inputs |= {s: observed(project, s, DATASET) for s in source_names(stage) if s != TRAIN_ON}
        entry = ledger.Entry(
            asset=name, dataset=DATASET, method=None, data_version=versions[name], code_version=stage_code(name).digest,
            settings=project.settings_values(DATASET, name), inputs=inputs, dagster_run_id="run", duration_s=1.0,
        )  # fmt: skip
        ledger.append(project.home, entry, stage_code(name))


def changed(folder: Path, **facts: Any) -> dict[str, Any]:
    return {**json.loads((folder / "result.json").read_text()), **facts}


def test_what_it_was_trained_from_is_checked(machines: TwoMachines) -> None:
    home = machines.train("sync_encoder")
    run = _stage_run(machines.project, DATASET, "sync_encoder", None)
    check_origin(run, home, changed(home))
    with pytest.raises(
        ImportRejected, match=r"was trained on the shards abc; those of made are [0-9a-f]{12}: train it"
    ):
        check_origin(run, home, changed(home, shards={"x": "abc"}))
    code = changed(home)["code"]
    name = "cals_models.losses.contrastive_loss"
    name = name if name in code else sorted(code)[0]
    with pytest.raises(ImportRejected, match=f"other code .{name} changed"):
        check_origin(run, home, changed(home, code={**code, name: "0"}))
    with pytest.raises(MissingInput, match="audio_to_lip of made was never made"):
        check_origin(run, home, changed(home, inputs={"audio_to_lip": "0"}))
    with pytest.raises(
        ImportRejected, match=r"was trained with mels 0, made has content of .*; import that mels first"
    ):
        check_origin(run, home, changed(home, inputs={"mels": "0"}))
    other = machines.train("sync_encoder", seed=5)
    with pytest.raises(
        ImportRejected, match=r"settings of sync_encoder differ: seed 5 there, 0 here; put those"
    ):
        import_model(machines.project, other, DATASET)
    assert "sync_encoder/made" in machines.stale()


def test_a_generator_of_another_crop_size_is_rejected_first(machines: TwoMachines, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text('{"crop_px": 256}')
    run = _stage_run(machines.project, DATASET, "generator", "wav2lip")
    with pytest.raises(
        ImportRejected,
        match=r"model: the wav2lip generator draws crops of 256 px, made has 128 px; import it into a dataset",
    ):
        check_origin(run, model, {})


def test_bad_folders_get_one_line(machines: TwoMachines, tmp_path: Path) -> None:
    home = machines.train("sync_encoder")
    for arguments, says in (
        ({"asset": "generator"}, "--asset generator: the model says sync_encoder"),
        ({"method": "cals"}, "--method cals: the model says none"),
    ):
        with pytest.raises(ImportRejected, match=says):
            import_model(machines.project, home, DATASET, **arguments)
    with pytest.raises(ImportRejected, match="not readable"):
        import_model(machines.project, tmp_path / "nothing", DATASET)
    kept = (home / "job.json").read_bytes()
    for put, says in (
        (lambda path: path.symlink_to("/etc/hostname"), "is a link out of the folder; copy the file itself"),
        (lambda path: path.symlink_to("../nowhere"), "is a link out of the folder"),
        (os.mkfifo, "is no plain file"),
        (os.mkdir, "is no plain file"),
    ):
        for name in ("job.json", "model.safetensors.07"):
            (home / name).unlink(missing_ok=True)
            put(home / name)
            with pytest.raises(ImportRejected, match=f"{name}: {says}"):
                import_model(machines.project, home, DATASET)
            (home / name).rmdir() if (home / name).is_dir() else (home / name).unlink()
            (home / "job.json").write_bytes(kept)
    (home / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ValueError, match="damaged, or not the weights"):
        import_model(machines.project, home, DATASET)
    (home / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"neither model\.safetensors nor its parts"):
        import_model(machines.project, home, DATASET)
    (home / "result.json").write_text(json.dumps({"stage": "sync_encoder"}))
    with pytest.raises(
        ImportRejected, match=r"lacks code, code_digest, dataset, inputs.*train the model again"
    ):
        import_model(machines.project, home, DATASET)
    models = machines.project.home.root / "models"
    assert not models.exists() or not list(models.rglob("*.json")), (
        "nothing may be left of a model that was rejected"
    )


@pytest.mark.proof
@pytest.mark.timeout(1_800)
def test_imported_models_are_fresh_traced_and_rendered_with(
    machines: TwoMachines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three models trained elsewhere, in half precision and in parts; the graph continues from them."""
    from pipelines.lineage.questions import trace
    from pipelines.lineage.text import trace_text
    from pipelines.runner import run_stale

    # the data stages are rows only: there are no files to check
    monkeypatch.setattr("pipelines.runner.repair", lambda *_: SimpleNamespace(remake=set()))
    encoder = machines.train("sync_encoder")
    split_weights(encoder, encoder, 40_000)
    (encoder / "model.safetensors").unlink()
    assert len(list(encoder.glob("model.safetensors.*"))) > 1
    lines = import_model(machines.project, encoder, DATASET)
    assert lines[-1] == "it is up to date: cals run goes on from it"
    whole = machines.project.home.model("sync_encoder", DATASET)
    (home_folder,) = [path.parent for path in whole.glob("*/result.json")]
    generator_before = machines.train("generator", method="wav2lip", inputs={"sync_encoder": home_folder})
    with pytest.raises(ValueError, match="audio_to_lip of made was never made"):
        import_model(machines.project, generator_before, DATASET, method="wav2lip")
    audio = machines.train("audio_to_lip", inputs={"sync_encoder": home_folder})
    import_model(machines.project, audio, DATASET, asset="audio_to_lip")
    assert import_model(machines.project, generator_before, DATASET, method="wav2lip")[-1].startswith(
        "it is up to date"
    )
    labels = {"sync_encoder/made", "audio_to_lip/made", "generator/made/wav2lip"}
    assert not labels & set(machines.stale())
    outcome = run_stale(machines.project, [DATASET], "renders", say=lambda line: None)
    assert outcome.ok and "renders/made/wav2lip" in outcome.made and not labels & set(outcome.made)
    rows = {(r["asset"], r["dataset"], r["method"]): r for r in ledger.read(machines.project.home)}
    row = rows[("generator", DATASET, "wav2lip")]
    facts = json.loads((generator_before / "result.json").read_text())
    assert row["imported_from"] == str(generator_before) and row["host"] == facts["host"]
    assert json.loads(row["library_versions_json"]) == facts["versions"]
    assert row["data_version"] == facts["weights_sha256"] != facts["trained_weights_sha256"]
    assert f"imported from {generator_before}" in trace_text(
        trace(machines.project, "generator/made/wav2lip")
    )
    version = machines.project.home.model("generator", DATASET, "wav2lip") / "current.json"
    assert json.loads(version.read_text())["registered_version"] == "1"


@pytest.mark.parametrize("text", ["", "[", "3", "null", "[1]", "[" * 100_000, "{}", '{"stage": 3}'])
def test_a_result_that_is_none_is_named(machines: TwoMachines, tmp_path: Path, text: str) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "result.json").write_text(text)
    with pytest.raises(ImportRejected, match=r"result\.json: "):
        import_model(machines.project, tmp_path / "given", DATASET)


FINE = {
    "stage": "sync_encoder", "dataset": DATASET, "method": None, "weights_sha256": "0" * 64, "code_digest": "0", "host": "h",
    "device_name": "cpu", "steps": 2, "num_parameters": 8, "seconds": 1, "warnings": [], "shards": {"copy": "0"},
    "inputs": {}, "code": {"a": "0"}, "versions": {"torch": "2"}, "figures": {"loss": 1.5},
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
@pytest.mark.parametrize("wrong", [3, "x", None, [1], {"a": [1]}, True])
def test_a_fact_of_another_type_is_named(tmp_path: Path, name: str, wrong: Any) -> None:
    assert _facts_of(tmp_path, {}) == FINE
    given = {**FINE, name: wrong}
    is_right = (
        (type(wrong) is type(FINE[name]) and not isinstance(wrong, dict | list))
        or (name in ("method", "host") and isinstance(wrong, str | None))
        or (name, wrong) in [("seconds", 3), ("warnings", [1])]
    )  # fmt: skip
    if is_right and name not in ("stage", "dataset"):
        assert _facts_of(tmp_path, {name: wrong}) == given
        return
    with pytest.raises(ImportRejected, match=r"result\.json|holds 'x'|--dataset"):
        _facts_of(tmp_path, {name: wrong})


def _facts_of(folder: Path, changed_facts: dict[str, Any]) -> dict[str, Any]:
    (folder / "result.json").write_text(json.dumps({**FINE, **changed_facts}))
    return _facts(folder, None, None, DATASET)
