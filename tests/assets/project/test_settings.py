"""cals.yaml: each wrong entry gets one line that says where, what, and what would be right."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from assets.project.code_version import PROJECT_ROOT
from assets.project.graph import STAGES
from assets.project.settings import SettingsError, add_dataset, find_config, load_project

GOOD = """
# kept
settings:
  mels: {f_max_hz: 7000}
datasets:
  small: {layout: grid, root: data/grid, profile: tiny, num_buckets: 3, settings: {mels: {f_min_hz: 60}}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "cals.yaml"
    path.write_text(text)
    return path


def test_overrides_reach_the_stage(tmp_path: Path) -> None:
    project = load_project(write(tmp_path, GOOD))
    settings = project.stage_settings("small", "mels")
    assert (settings.f_min_hz, settings.f_max_hz) == (60, 7000)
    assert project.dataset("small").root == tmp_path / "data" / "grid"
    assert project.home.root == tmp_path / ".cals"


def test_the_digest_follows_the_values(tmp_path: Path) -> None:
    first = load_project(write(tmp_path, GOOD)).settings_digest("small", "mels")
    other = load_project(write(tmp_path, GOOD.replace("7000", "7200"))).settings_digest("small", "mels")
    again = load_project(write(tmp_path, GOOD)).settings_digest("small", "mels")
    assert first == again != other


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("f_max_hz", "f_max", r"no such key 'f_max' \(did you mean 'f_max_hz'"),
        ("mels: {f_max", "mel: {f_max", "unknown 'mel'"),
        ("layout: grid", "layout: gird", "did you mean 'grid'"),
        ("profile: tiny", "profile: small", "one of"),
        ("num_buckets: 3", "num_buckets: 0", "num_buckets"),
        ("root: data/grid, ", "", "root is missing"),
        ("small:", "Small:", "lower-case"),
        ("f_max_hz: 7000", "f_max_hz: -1", "f_max_hz"),
        ("f_max_hz: 7000", "f_max_hz: [", "not readable as YAML"),
        ("datasets:", "dataset:", "did you mean 'datasets'"),
        ("num_buckets: 3", "train_on: [smal]", "train_on: no dataset 'smal'.*others: none"),
        ("num_buckets: 3", "train_on: [small]", "reads its own train split anyway"),
        ("num_buckets: 3", "base: smal", "base: no other dataset 'smal'.*others: none"),
        ("num_buckets: 3", "base: small", "base: no other dataset 'small'.*others: none"),
        ("num_buckets: 3", "train_on: grid", "give a list of names of datasets"),
        ("num_buckets: 3", "train_on: grid", r"train_on is 'grid'; .*such as \[grid\]$"),
        ("num_buckets: 3", "train_on: [1]", r"small\.train_on\[0\] is 1; give the name of a dataset"),
        ("num_buckets: 3", "num_buckets: true", "small.num_buckets is true; give a whole number, 1 or more"),
        ("num_buckets: 3", "num_buckets: '3'", "is '3'; .*write it without quotes: 3"),
        ("num_buckets: 3", "num_buckets: 3.0", "is 3.0; give a whole number"),
        (
            "num_buckets: 3",
            "methods: cals",
            r"small\.methods is 'cals'; give a list of names, .*such as \[cals\]",
        ),
        (
            "num_buckets: 3",
            "methods: [calss]",
            r"small\.methods\[0\]: unknown 'calss' \(did you mean 'cals'\?\)",
        ),
        ("num_buckets: 3", "methods: 0", r"small\.methods is 0; give a list"),
        ("num_buckets: 3", "to: shard", r"small\.to: unknown 'shard' \(did you mean 'shards'\?\)"),
        ("num_buckets: 3", "name: other", r"datasets\.small: no such key 'name'"),
        ("num_buckets: 3", "1: 2", r"datasets\.small: no such key 1; known: base"),
        ("num_buckets: 3", "root: again", 'line 6, column .*duplicate key "root".*keep one of them'),
        ("root: data/grid", "root: ", "small.root is empty; give a path"),
        ("num_buckets: 3", "options: [1]", r"small\.options is \[1\]; give a mapping"),
        ("num_buckets: 3", "options: {seed: 0.5}", r"small\.options\.seed is 0\.5; give a whole number"),
        ("num_buckets: 3", "options: {use_pretrain: no}", "use_pretrain is 'no'; give true or false"),
        (
            "num_buckets: 3",
            "options: {split: x}",
            r"small\.options: no such key 'split' \(did you mean 'split_by'",
        ),
        (
            "num_buckets: 3",
            "options: {val_share: 0.9, test_share: 0.1}",
            r"small\.options: val_share.*sum below 1",
        ),
        (
            "mels: {f_max_hz: 7000}",
            "mels:",
            r"settings\.mels is empty; give a mapping of settings, or leave it out",
        ),
        ("mels: {f_max_hz: 7000}", "mels: [1]", r"settings\.mels: expected a mapping, not \[1\]"),
        ("mels: {f_max_hz: 7000}", "1: {}", r"settings: unknown 1; one of clips"),
        ("f_max_hz: 7000", "1: 7000", r"settings\.mels: no such key 1"),
        (
            "f_max_hz: 7000",
            "f_max_hz: '1e3'",
            r"settings\.mels\.f_max_hz is '1e3'; .* without quotes: 1000\.0",
        ),
        ("f_max_hz: 7000", "f_max_hz: .nan", r"settings\.mels\.f_max_hz is nan; give a number above 0"),
        ("f_max_hz: 7000", "f_max_hz: 2026-01-02", r"settings\.mels\.f_max_hz is 2026-01-02; give a number"),
        ("f_max_hz: 7000", "f_max_hz: &a [*a]", r"settings\.mels\.f_max_hz is \["),
        ("f_max_hz: 7000", "f_max_hz: 9000", r"small\.settings\.mels: f_min_hz 60\.0 and f_max_hz 9000\.0"),
        ("f_max_hz: 7000", "hop_samples: 200", r"small\.settings\.mels: hop_samples 200 at 16000 Hz"),
        (
            "f_min_hz: 60",
            "f_min_hz: 7500",
            r"datasets\.small\.settings\.mels: f_min_hz 7500\.0 and f_max_hz 7000\.0",
        ),
        (
            "mels: {f_min_hz: 60}",
            "generator: {compile: no}",
            r"generator\.compile is 'no'; give true or false",
        ),
        ("mels: {f_min_hz: 60}", "generator: {steps: 1.0}", r"generator\.steps is 1\.0; give a whole number"),
        (
            "mels: {f_min_hz: 60}",
            "generator: {widths: [8]}",
            r"generator\.widths is \[8\]; give a list of 6 multiples",
        ),
        (
            "mels: {f_min_hz: 60}",
            "generator: {context_frames: 6}",
            r"settings\.generator: context_frames is 6; give",
        ),
    ],
)
def test_wrong_entries(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        load_project(write(tmp_path, GOOD.replace(old, new)))
    assert str(tmp_path / "cals.yaml") in str(caught.value)


@pytest.mark.parametrize(
    "text", ["5", "[]", "false", "--- {}\n--- {}", "settings: 5", "datasets: [a]", "datasets: {a: }"]
)
def test_a_file_that_is_no_mapping_of_datasets(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"cals\.yaml: "):
        load_project(write(tmp_path, text))


@pytest.mark.parametrize(
    "new, says",
    [
        ("[" * 100_000, r"not readable as YAML: line 4: more than 50 brackets inside each other"),
        ("{a: " * 60 + "1" + "}" * 60, r"line 4: more than 50 brackets"),
        ("\n" + "".join(f"{' ' * depth}a:\n" for depth in range(5, 70)), r"more than 50 values inside"),
        ("\n    " + "- " * 3_000 + "x", r"more than 50 values inside"),
        (
            "\n    a0: &a0 [1, 1]\n"
            + "".join(f"    a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
            r"more than 100,000 values, with aliases written out",
        ),
    ],
)
def test_brackets_and_aliases_without_end(tmp_path: Path, new: str, says: str) -> None:
    start = time.monotonic()
    with pytest.raises(SettingsError, match=says):
        load_project(write(tmp_path, GOOD.replace("{f_max_hz: 7000}", new)))
    assert time.monotonic() - start < 5


WRONG = (
    "3",
    "0.5",
    "true",
    "x",
    "''",
    "[]",
    "[1]",
    "[[1]]",
    "{}",
    "{a: 1}",
    "null",
    "2026-01-02",
    "!!binary aGk=",
)


@pytest.mark.parametrize("wrong", WRONG)
def test_any_value_at_any_place_is_read_or_named(tmp_path: Path, wrong: str) -> None:
    """Whatever stands at a key, the answer is a project or one line that names the file."""
    whole = [f"datasets: {wrong}", f"settings: {wrong}", f"user_sql: {wrong}", wrong]
    entry = "datasets: {{d: {{layout: folder, root: r, {key}: {wrong}}}}}"
    whole += [
        f"datasets: {{d: {wrong}}}",
        f"settings: {{mels: {wrong}}}",
        f"settings: {{mels: {{hop_samples: {wrong}}}}}",
    ]
    whole += [
        entry.format(key=key, wrong=wrong)
        for key in ("methods", "train_on", "options", "settings", "to", "num_buckets")
    ]
    whole += [f"datasets: {{d: {{layout: {wrong}, root: {wrong}, profile: {wrong}}}}}"]
    for text in whole:
        path = write(tmp_path, text)
        try:
            load_project(path)
        except SettingsError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


def test_a_conflict_between_settings_for_all_names_the_dataset(tmp_path: Path) -> None:
    text = "settings: {mels: {hop_samples: 200}}\ndatasets: {small: {layout: grid, root: data}}"
    with pytest.raises(SettingsError, match=r"settings\.mels, for small: hop_samples 200 at 16000 Hz"):
        load_project(write(tmp_path, text))


def test_overrides_are_checked_where_no_dataset_uses_them(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings\.generator\.steps is 0; give 1 or more"):
        load_project(write(tmp_path, "settings: {generator: {steps: 0}}"))


@pytest.mark.parametrize("key", ["methods", "to", "train_on", "options", "settings"])
def test_a_key_without_a_value_is_one_left_out(tmp_path: Path, key: str) -> None:
    text = "datasets: {small: {layout: grid, root: data}}"
    without = load_project(write(tmp_path, text)).dataset("small")
    assert load_project(write(tmp_path, text.replace("}}", f", {key}: }}}}"))).dataset("small") == without


def test_numbers_as_yaml_writes_them(tmp_path: Path) -> None:
    """`1e-4` is a number, a whole one fits a field for fractions, and a list becomes a tuple."""
    values = "generator: {learning_rate: 1e-4, l1_weight: 10, widths: [8, 8, 8, 8, 8, 8], compile: false}"
    project = load_project(write(tmp_path, GOOD.replace("mels: {f_min_hz: 60}", values)))
    settings = project.stage_settings("small", "generator")
    assert (settings.learning_rate, settings.l1_weight, settings.compile) == (1e-4, 10, False)
    assert settings.widths == (8,) * 6 == project.dataset("small").settings["generator"]["widths"]


def test_weights_beside_the_file_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers work in a folder of their own. What is recorded is what the file says, so that a copy has the same."""
    text = "datasets:\n  d: {layout: folder, root: d, settings: {clip_metrics: {lse_weights: weights/net.model}}}\n"
    project = load_project(write(tmp_path, text))
    absent = project.stage_settings("d", "clip_metrics").lse_weights
    digest = project.settings_digest("d", "clip_metrics")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net.model").write_bytes(b"x")
    monkeypatch.chdir("/")
    assert absent == "weights/net.model"
    assert project.stage_settings("d", "clip_metrics").lse_weights == str(tmp_path / "weights" / "net.model")
    assert project.settings_values("d", "clip_metrics")["lse_weights"] == "weights/net.model"
    assert project.settings_digest("d", "clip_metrics") == digest
    endless = load_project(write(tmp_path, text.replace("weights/net.model", "x" * 3000)))
    assert endless.stage_settings("d", "clip_metrics").lse_weights == "x" * 3000


def test_the_folder_of_own_sql_is_relative_to_the_file(tmp_path: Path) -> None:
    assert load_project(write(tmp_path, GOOD)).home.user_sql == tmp_path / "sql" / "user"
    (tmp_path / "views").mkdir()
    assert load_project(write(tmp_path, GOOD + "user_sql: views\n")).home.user_sql == tmp_path / "views"
    for text, says in (("nowhere", "nowhere is no folder; make it, or leave"), ("3", "expected the path")):
        with pytest.raises(SettingsError, match=says):
            load_project(write(tmp_path, GOOD + f"user_sql: {text}\n"))


def test_unknown_dataset_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"smal.*did you mean 'small'"):
        load_project(write(tmp_path, GOOD)).dataset("smal")


def test_found_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, GOOD)
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    monkeypatch.delenv("CALS_CONFIG", raising=False)
    assert find_config() == path


def test_adding_keeps_comments_and_rejects_a_taken_name(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    entry = {"layout": "lrw", "root": "/data/lrw", "profile": "paper", "num_buckets": 10}
    add_dataset(path, "words", entry)
    add_dataset(path, "words", entry)
    assert "# kept" in path.read_text()
    assert load_project(path).dataset("words").layout == "lrw"
    with pytest.raises(SettingsError, match="other data"):
        add_dataset(path, "words", entry | {"root": "/elsewhere"})


def test_shipped_file_is_right() -> None:
    project = load_project(PROJECT_ROOT / "cals.yaml")
    for name in project.datasets:
        for stage in STAGES:
            assert project.settings_values(name, stage)
