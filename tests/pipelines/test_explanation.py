"""``cals stale --explain``: digests that differ, and changed code as a diff from the sources that the home keeps."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from assets.project.code_version import CodeVersion
from assets.project.graph import stage_code
from assets.project.settings import Project, load_project
from assets.store import code_store, ledger
from pipelines import explanation, staleness
from pipelines.explanation import NOT_ON_RECORD, Explainer
from pipelines.staleness import StalePartition, find_stale

CONFIG = "datasets:\n  one: {layout: grid, root: one, profile: tiny, methods: [cals]}\n  two: {layout: grid, root: two}\n"
NAME = "assets.mels.mel.log_mel"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "cals.yaml").write_text(CONFIG)
    real = staleness.source_version
    monkeypatch.setattr(
        staleness,
        "source_version",
        lambda project, source, *of: (
            f"now of {source}" if source == "raw_videos" else real(project, source, *of)
        ),
    )
    return load_project(tmp_path / "cals.yaml", tmp_path / "home")


def record(project: Project, dataset: str, code: CodeVersion, **settings: Any) -> None:
    """A ledger row of ``mels`` by some code; its clips are as they are now."""
    clips = ledger.Entry(
        asset="clips", dataset=dataset, method=None, data_version="clips 1", code_version=stage_code("clips").digest,
        settings={}, inputs={}, dagster_run_id="", duration_s=1.0,
    )  # fmt: skip
    ledger.append(project.home, clips, stage_code("clips"))
    values = project.settings_values(dataset, "mels") | settings
    inputs = {
        "clips": "clips 1",
        "settings/mels": project.settings_digest(dataset, "mels") if not settings else "old",
    }
    entry = dataclasses.replace(
        clips,
        asset="mels",
        code_version=code.digest,
        settings=values,
        inputs=inputs,
        materialization_id=f"mels {dataset}",
    )
    ledger.append(project.home, entry, code)


def earlier(monkeypatch: pytest.MonkeyPatch, source: str) -> CodeVersion:
    """The code of ``mels`` as if ``log_mel`` had had another source."""
    now = stage_code("mels")
    before = CodeVersion(
        "before", {**now.definitions, NAME: "d1", "assets.mels.mel.gone": "d2"}, {**now.libraries, "av": "1"}
    )
    texts = {**code_store.source_texts(now), NAME: source, "assets.mels.mel.gone": "def gone(): ..."}
    monkeypatch.setattr(code_store, "source_texts", lambda code: texts if code is before else {})
    return before


def explained(project: Project, dataset: str = "one") -> str:
    explainer = Explainer(project)
    stale = [p for p in find_stale(project, [dataset], "mels") if p.asset == "mels"]
    return "\n".join(line for partition in stale for line in explainer.lines(partition))


def test_changed_code_is_a_diff(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    now = code_store.source_texts(stage_code("mels"))[NAME]
    last = now.splitlines()[-1]
    record(project, "one", earlier(monkeypatch, now.replace(last, "    return None")))
    text = explained(project)
    assert f"code version: before -> {stage_code('mels').digest}" in text
    assert f"library av 1 -> {stage_code('mels').libraries['av']}" in text
    assert f"{NAME} changed" in text and f"--- {NAME} (computed with)" in text
    assert f"-    return None\n        +{last}" in text
    assert "assets.mels.mel.gone removed" in text and "-def gone(): ..." in text
    assert "clips 1" not in text  # what did not change is not named


def test_a_change_is_shown_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = earlier(monkeypatch, "def log_mel(): ...")
    record(project, "one", before)
    record(project, "two", before)
    explainer = Explainer(project)
    stale = [p for p in find_stale(project, None, "mels") if p.asset == "mels"]
    texts = ["\n".join(explainer.lines(partition)) for partition in stale]
    assert "---" in texts[0] and "---" not in texts[1]
    assert "the same change of code as for mels/one" in texts[1]


def test_settings_and_inputs_by_digest(project: Project) -> None:
    record(project, "one", stage_code("mels"), f_max_hz=7000.0)
    text = explained(project)
    assert f"settings/mels: old -> {project.settings_digest('one', 'mels')}" in text
    assert "f_max_hz: 7000.0 -> 7600.0" in text


def test_a_source_that_was_never_kept_is_one_line(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = earlier(monkeypatch, "def log_mel(): ...")
    record(project, "one", before)
    shutil.rmtree(project.home.warehouse / "code" / "sources")
    assert f"{NAME} changed\n        {NOT_ON_RECORD}" in explained(project)
    (project.home.warehouse / "code" / "before.json").unlink()
    assert explained(project).endswith(f"\n    {NOT_ON_RECORD}")


def test_what_was_never_made_has_nothing_to_compare(project: Project) -> None:
    partition = StalePartition(
        asset="mels", dataset="one", method=None, cause=staleness.Cause(kind="never_made", text="never made"),
        estimated_s=None, ready=True,
    )  # fmt: skip
    assert list(Explainer(project).lines(partition)) == ["    nothing is on record: it was never made"]


def test_sources_are_kept_once(project: Project) -> None:
    record(project, "one", stage_code("mels"))
    folder = project.home.warehouse / "code" / "sources"
    files = sorted(folder.iterdir())
    record(project, "two", stage_code("mels"))
    assert sorted(folder.iterdir()) == files
    kept = code_store.recall_sources(project.home, stage_code("mels").definitions.values())
    assert set(kept) == set(stage_code("mels").definitions.values())
    assert sum(path.stat().st_size for path in folder.iterdir()) < 200_000
    assert (
        explanation.source_texts(stage_code("mels"), [NAME])[NAME]
        == kept[stage_code("mels").definitions[NAME]]
    )
