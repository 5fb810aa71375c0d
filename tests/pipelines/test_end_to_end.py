"""The whole graph through the command line, on a small generated corpus: from raw videos to the report, and again."""

from __future__ import annotations

import json
import shutil

import pytest

from cals_models.shards.shard_set import ShardSet
from tests.support.small_project import METHODS, Workplace, make_small_project

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A project whose first run is done."""
    return make_small_project(tmp_path_factory.mktemp("project"))


def test_every_clip_is_in_a_shard_or_a_row_says_why(workplace: Workplace) -> None:
    counts = dict(workplace.ask("select status, count(*) from clips where dataset = 'small' group by 1"))
    assert sum(counts.values()) == 12
    in_shards = workplace.ask("select count(*) from shard_clips where dataset = 'small'")[0][0]
    assert in_shards == counts["ok"] >= 10


def test_shards_hold_what_they_say(workplace: Workplace) -> None:
    shards = ShardSet(workplace.home / "shards" / "small")
    for split in ("train", "val", "test"):
        assert all(clip.num_frames > 0 for clip in shards.clips(split)), (
            "each shard is checked when it is read"
        )
    clip = next(shards.clips("test"))
    frames = clip.frames(range(clip.num_frames))
    assert frames.shape == (clip.num_frames, 128, 128, 3)
    assert frames.std() > 20
    assert clip.mel.shape == (80, 4 * clip.num_frames)
    assert clip.audio().shape == (640 * clip.num_frames,)
    assert clip.landmarks.shape == (clip.num_frames, 68, 2)
    assert (clip.landmarks[:, 48:, 1] >= 64).all(), "a mouth reaches above row 64"
    assert clip.meta["transcript"]


def test_metrics_are_measured_for_every_method_with_both_audios(workplace: Workplace) -> None:
    """Each metric has a value or the reason for its lack: after four steps a network generates no face with landmarks."""
    rows = workplace.ask(
        "select method, audio, metric, count(*), count(coalesce(cast(value as varchar), detail)) from clip_metrics "
        "where dataset = 'small' and protocol in ('primary', 'lse_crop') group by all"
    )
    measured = {(method, audio, metric): values for method, audio, metric, _, values in rows}
    for method in METHODS:
        for audio in ("own", "other"):
            for metric in ("ssim", "psnr_mouth", "ssim_mouth", "lmd", "lse_d", "lse_c"):
                if (method, metric) == ("ground_truth", "psnr_mouth"):
                    continue
                assert measured[(method, audio, metric)] > 0, (method, audio, metric)
    truth = workplace.ask(
        "select metric, min(value), max(value) from clip_metrics "
        "where method = 'ground_truth' and audio = 'own' and metric in ('ssim', 'lmd', 'psnr') group by 1"
    )
    by_metric = {metric: (low, high) for metric, low, high in truth}
    assert by_metric["ssim"] == pytest.approx((1.0, 1.0))
    assert by_metric["lmd"] == (0.0, 0.0)
    assert by_metric["psnr"] == (None, None)


def test_networks_differ_by_method(workplace: Workplace) -> None:
    weights = workplace.ask("select asset, method, weights_sha256, steps from models where dataset = 'small'")
    assert {(asset, method) for asset, method, *_ in weights} == {
        ("sync_encoder", None),
        ("lse_evaluator", None),
        ("audio_to_lip", None),
        ("generator", "wav2lip"),
        ("generator", "cals"),
    }
    assert len({sha for _, _, sha, _ in weights}) == 5
    assert {steps for *_, steps in weights} == {4, 6}


def test_published_rows_stand_beside_measured_ones(workplace: Workplace) -> None:
    sources = {row[0] for row in workplace.ask("select distinct source from table_3")}
    assert sources == {"measured", "published"}


def test_mlflow_has_a_run_a_training_and_a_registered_version(workplace: Workplace) -> None:
    from assets.store.mlflow_tracking import EXPERIMENT, Tracking

    client = Tracking(workplace.home / "mlflow").client()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {
        "sync_encoder/small",
        "lse_evaluator/small",
        "audio_to_lip/small",
        "generator/small/wav2lip",
        "generator/small/cals",
    }
    run = runs["generator/small/cals"]
    assert run.info.status == "FINISHED"
    assert run.data.params["steps"] == "4"
    assert run.data.tags["dagster.run_id"]
    assert run.inputs.dataset_inputs[0].dataset.digest
    assert any(name.startswith("train/") for name in run.data.metrics)
    version = client.get_model_version_by_alias("cals-generator", "small-cals")
    assert version.run_id == run.info.run_id


def test_the_report_stands_alone(workplace: Workplace) -> None:
    page = (workplace.home / "report" / "small" / "index.html").read_text(encoding="utf-8")
    assert page.count("<video") >= 1
    assert "data:video/mp4;base64," in page
    assert 'src="http' not in page and 'href="http://' not in page
    assert "32.603" in page, "the published PSNR of CALS on LRS2 is missing"
    overview = (workplace.home / "report" / "index.html").read_text(encoding="utf-8")
    assert 'href="small/index.html"' in overview and "1 dataset, 1 of them with scored videos" in overview


def test_a_second_run_does_nothing(workplace: Workplace) -> None:
    assert "nothing is stale: nothing to do" in workplace.must("run", "--dataset", "small")
    assert json.loads(workplace.must("stale", "--dataset", "small", "--json")) == []


def test_the_planner_agrees_with_dagsters_resolver(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In two states: all is fresh; a setting of one stage has changed."""
    import dagster as dg
    from dagster._core.definitions.data_version import CachingStaleStatusResolver
    from dagster._core.loader import LoadingContextForTest

    from assets.project.graph import STAGES
    from assets.project.settings import load_project
    from assets.stage.partitions import partition_key
    from pipelines.code_location import defs
    from pipelines.instance import open_instance, report_sources
    from pipelines.staleness import find_stale

    for name in ("DAGSTER_HOME", "CALS_HOME"):
        monkeypatch.setenv(name, "set by the project")

    def both() -> tuple[set[str], set[str], set[str]]:
        """Labels: ready for the planner, stale for the planner, not fresh for the resolver."""
        project = load_project(workplace.folder / "cals.yaml", workplace.home)
        planned = find_stale(project, ["small"])
        unfresh = set()
        with open_instance(project) as instance:
            report_sources(project, instance, ["small"])
            resolver = CachingStaleStatusResolver(
                instance, defs.resolve_asset_graph(), LoadingContextForTest(instance)
            )
            for stage in STAGES.values():
                for method in project.dataset("small").methods if stage.by_method else (None,):
                    key = str(partition_key("small", method))
                    if resolver.get_status(dg.AssetKey(stage.name), key).value != "FRESH":
                        unfresh.add("/".join(part for part in (stage.name, "small", method) if part))
        return {p.label for p in planned if p.ready}, {p.label for p in planned}, unfresh

    assert both() == (set(), set(), set())
    workplace.edit("small: {layout", "small: {settings: {clip_metrics: {max_undetected_share: 0.4}}, layout")
    ready, planned, unfresh = both()
    workplace.edit("settings: {clip_metrics: {max_undetected_share: 0.4}}, ", "")
    assert ready == {f"clip_metrics/small/{method}" for method in METHODS}
    assert (
        ready <= unfresh <= planned
    )  # Dagster's resolver goes one level deep, the planner to the last stage


def test_a_setting_changed_runs_its_stage_and_what_follows_only(workplace: Workplace) -> None:
    shards = {p: p.read_bytes() for p in (workplace.home / "shards" / "small").glob("*.tar")}
    workplace.edit("small: {layout", "small: {settings: {mels: {f_max_hz: 7000}}, layout")
    stale = json.loads(workplace.must("stale", "--dataset", "small", "--json"))
    first = [entry for entry in stale if entry["ready"]]
    assert [entry["asset"] for entry in first] == ["mels"]
    assert first[0]["cause"] == {"kind": "setting_changed", "text": "settings: f_max_hz: 7600.0 -> 7000.0"}
    assert not {"clips", "face_tracks", "face_crops"} & {entry["asset"] for entry in stale}
    workplace.must("run", "--dataset", "small", "--to", "shards")
    changed = {p: p.read_bytes() for p in shards}
    assert all(changed[p] != shards[p] for p in shards)
    workplace.edit("settings: {mels: {f_max_hz: 7000}}, ", "")
    workplace.must("run", "--dataset", "small", "--to", "shards")
    assert {p: p.read_bytes() for p in shards} == shards
    assert "nothing is stale" in workplace.must("run", "--dataset", "small")


def test_a_forced_stage_with_the_same_result_makes_nothing_else_run(workplace: Workplace) -> None:
    assert "made 1, failed 0" in workplace.must(
        "run", "--dataset", "small", "--to", "shards", "--force", "mels"
    )


def test_a_new_clip_is_the_only_one_computed(workplace: Workplace) -> None:
    root = workplace.folder / "corpus" / "lrs2" / "mvlrs_v1"
    listed = (workplace.folder / "corpus" / "lrs2").rglob("train.txt")
    names = next(listed)
    first = names.read_text().split()[0]
    new = f"{first.rsplit('/', 1)[0]}/90001"
    for suffix in (".mp4", ".txt"):
        shutil.copy(root / "main" / f"{first}{suffix}", root / "main" / f"{new}{suffix}")
    (root / "main" / f"{new}.mp4").open("ab").write(b"\0\0\0\x10free" + b"changed!")
    names.write_text(names.read_text() + f"{new}\n")
    before = {p: p.read_bytes() for p in (workplace.home / "shards" / "small").glob("*.tar")}
    workplace.must("run", "--dataset", "small", "--to", "shards")
    counts = dict(
        workplace.ask(
            "select asset, counts_json from materializations where dataset = 'small' "
            "qualify row_number() over (partition by asset, method order by finished_at desc) = 1"
        )
    )
    for stage in ("face_tracks", "face_crops", "mels"):
        assert json.loads(counts[stage])["computed"] == 1, stage
    after = {p: p.read_bytes() for p in (workplace.home / "shards" / "small").glob("*.tar")}
    assert len([p for p in after if after[p] != before.get(p)]) == 1


def test_another_dataset_goes_to_shards_and_touches_nothing(workplace: Workplace) -> None:
    workplace.must("run", "--dataset", "words", "--to", "shards")
    assert workplace.ask("select count(*) from shard_clips where dataset = 'words'")[0][0] == 3


@pytest.mark.parametrize(
    "arguments, status, says",
    [
        (("run", "--dataset", "smal"), 1, "no dataset 'smal' (did you mean 'small'?)"),
        (("run", "--dataset", "small", "--to", "mel"), 1, "no asset 'mel'"),
        (("query", "select nothing from nowhere"), 1, "nowhere"),
        (("add", "x", "--layout", "grid", "--root", "/no/such/folder"), 1, "/no/such/folder"),
        (("add", "x", "--layout", "hdtf", "--root", "corpus/lrs2"), 1, "lrs2"),
        (("add", "Bad Name", "--layout", "grid", "--root", "corpus"), 1, "lower-case"),
        (("add", "x", "--layout", "grid"), 2, "--root"),
        (("fly",), 2, "fly"),
    ],
)
def test_wrong_input_gets_one_line(
    workplace: Workplace, arguments: tuple[str, ...], status: int, says: str
) -> None:
    done = workplace.cals(*arguments)
    assert done.returncode == status, done.stderr
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(lines) == 1 and says in lines[0], done.stderr
    assert "Traceback" not in done.stderr


def test_queries_in_each_format(workplace: Workplace) -> None:
    sql = "select 1 as one, 'a' as letter"
    assert workplace.must("query", sql, "--format", "csv") == "one,letter\n1,a\n"
    assert json.loads(workplace.must("query", sql, "--format", "json")) == [{"one": 1, "letter": "a"}]
    assert "letter" in workplace.must("query", sql)
