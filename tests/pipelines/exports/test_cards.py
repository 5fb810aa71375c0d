"""Cards hold metrics, provenance and terms."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assets.project.settings import SettingsError
from cals_models.methods.registry import METHODS
from pipelines.exports.cards import write_dataset_card, write_model_cards
from pipelines.exports.licences import licence_of
from pipelines.forget import forget
from tests.support.lineage_home import DATASET, SyntheticRun, make_project


def test_cards_hold_metrics_terms_and_withdrawals(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    run = SyntheticRun(project, "first").make_all()
    data = write_dataset_card(project, DATASET).read_text()
    for text in (run.versions["shards"], "| train | 4 |", "iBUG 300-W", "not stated", "cals forget"):
        assert text in data
    forget(project, f"{DATASET}/train/1", "the speaker asked for it")
    cards = {path.parent.parent.name: path.read_text() for path in write_model_cards(project, DATASET)}
    assert set(cards) == {"cals", "sync_encoder", "audio_to_lip", "lse_evaluator"}
    for text in (
        run.versions["generator|cals"],
        "| PSNR (dB) | higher | 30 | not measured |",
        "which was withdrawn",
    ):
        assert text in cards["cals"]
    with pytest.raises(SettingsError, match="no dataset"):
        write_model_cards(project, "none")


def test_cards_say_the_size_of_large_crops(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()
    manifest = project.home.shards(DATASET) / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "crop_px": 256}))
    assert "Face crops 256x256 at 25 fps" in write_dataset_card(project, DATASET).read_text()
    for path in write_model_cards(project, DATASET):
        (path.parent / "model.json").write_text('{"crop_px": 256}')
    cards = {path.parent.parent.name: path.read_text() for path in write_model_cards(project, DATASET)}
    assert [name for name, card in cards.items() if "draws face crops of 256x256 px" in card] == ["cals"]


def test_a_card_says_what_a_method_draws_and_how_it_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()

    def card() -> str:
        written = {path.parent.parent.name: path.read_text() for path in write_model_cards(project, DATASET)}
        return written["cals"]

    assert "whole crop" not in card() and "published system" not in card()
    other = replace(METHODS["cals"], draws="whole_crop", differs="no VGG loss")
    monkeypatch.setitem(METHODS, "cals", other)
    for text in (
        "Generator of method `cals`: ",
        "What differs from the published system of that name: no VGG loss.",
        "This method draws the whole crop",
        "| PSNR mouth (dB) | higher |",
    ):
        assert text in card()


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("grid", "CC BY 4.0"),
        ("lrw", "non-commercial research"),
        ("lrs2", "non-commercial research"),
        ("folder", "not known"),
    ],
)
def test_terms_follow_the_layout(tmp_path: Path, layout: str, text: str) -> None:
    project = make_project(tmp_path)
    entry = replace(project.datasets[DATASET], layout=layout)
    assert text in licence_of(project, entry).note
    sample = replace(entry, root=project.home.root / "sample" / "lrs2")
    assert "public domain" in licence_of(project, sample).note
