"""Values of the views against the same values computed by hand from the rows that were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assets.project.home import Home
from assets.store.table_parts import write_part
from assets.store.warehouse import publish, query
from cals_models.metrics.resampling import NUM_RESAMPLES, SEED
from tests.support import warehouse_rows

Distances = dict[str, tuple[float | None, float | None]]
MASKED: dict[tuple[str, int], Distances] = {
    ("cals", 2): {f"c{i}": (1.5 + 0.1 * i, 1.2 + 0.05 * i) for i in range(8)},
    ("cals", 5): {f"c{i}": (None, None) if i == 3 else (2.5 + 0.2 * i, 1.3 + 0.1 * i) for i in range(8)},
    ("wav2lip", 5): {"c1": (4.0, 2.0)},
    ("wav2lip", 20): {"c1": (None, None)},
}


def resampled(values: list[float | None]) -> tuple[float, float]:
    """The interval in a plain loop, from the draws that `cals_models.metrics.resampling` documents: of the clips with a value."""
    rng = np.random.default_rng(SEED)
    given = np.array([value for value in values if value is not None], np.float64)
    means = []
    for _ in range(NUM_RESAMPLES // 50):
        draws = rng.integers(0, len(given), (50, len(given)))
        means += [given[draw].mean() for draw in draws]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    warehouse_rows.fill(home)
    ratings = [
        {
            "study": "one", "rater": f"r{rater}", "dataset": warehouse_rows.DATASET, "method": method, "clip_id": "c",
            "scale": scale, "rating": min(5, 2 + rater % 3 + (method == "ground_truth")),
            "screened_out": rater == 5,
        }
        for rater in range(6)
        for method in ("ground_truth", "cals")
        for scale in ("visual_quality", "realness")
    ]  # fmt: skip
    write_part(home, "mos_ratings", ratings, dataset=warehouse_rows.DATASET)
    windows = [
        {
            "dataset": warehouse_rows.DATASET,
            "method": "cals",
            "clip_id": f"c{i}",
            "window_frames": w,
            "lmd": 1.0 + i + w / 10,
        }
        for i in range(3)
        for w in (1, 15)
    ]
    windows.append({**windows[0], "window_frames": 30, "clip_id": "alone"})
    write_part(home, "context_window", windows, dataset=warehouse_rows.DATASET)
    masks = [
        {
            "dataset": warehouse_rows.DATASET, "method": method, "clip_id": clip, "mask_frames": length,
            "lmd_masked": distances[0], "lmd_unmasked": distances[1],
            "detail": None if distances[0] is not None else "too short",
        }
        for (method, length), by_clip in MASKED.items()
        for clip, distances in by_clip.items()
    ]  # fmt: skip
    write_part(home, "masked_audio", masks, dataset=warehouse_rows.DATASET)
    publish(home)
    return home


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    tests = [warehouse_rows.clip_id(number) for number in range(30, 44)]
    return pd.concat(
        [pd.DataFrame(warehouse_rows.score_rows(tests, method)) for method in warehouse_rows.METHODS]
    )


def one(home: Home, sql: str) -> pd.Series:
    found = query(home.database, sql)
    assert len(found) == 1
    return found.iloc[0]


def test_clips_take_the_first_stage_that_rejected_them(home: Home) -> None:
    rejected = query(home.database, "select clip_id, stage, reason, detail from rejections").set_index(
        "clip_id"
    )
    assert rejected["stage"].to_dict() == {
        warehouse_rows.clip_id(3): "mels",
        warehouse_rows.clip_id(5): "face_tracks",
        warehouse_rows.clip_id(7): "clips",
    }
    assert rejected.loc[warehouse_rows.clip_id(5), "reason"] == "no_face"
    assert rejected.loc[warehouse_rows.clip_id(7), "detail"].startswith("the file ends")
    row = one(home, f"select * from clips where clip_id = '{warehouse_rows.clip_id(0)}'")
    assert row["status"] == "ok" and row["stage"] is None and row["shard"] == "train-00000.tar"
    assert row["key"] == warehouse_rows.clip_key(warehouse_rows.clip_id(0)) and row["shard_frames"] == 75


def test_clip_status_counts_every_clip_once(home: Home) -> None:
    counts = query(home.database, "select split, status, sum(num_clips) as n from clip_status group by all")
    assert counts["n"].sum() == 44
    assert counts.set_index(["split", "status"])["n"].to_dict() == {
        ("train", "ok"): 21,
        ("train", "rejected"): 3,
        ("val", "ok"): 6,
        ("test", "ok"): 14,
    }


def test_table_3_shows_means_beside_the_papers_rows(home: Home, scores: pd.DataFrame) -> None:
    own = scores[scores["audio"] == "own"]
    expected = own.groupby(["method", "metric"])["value"].mean()
    measured = query(home.database, "from table_3 where source = 'measured'").set_index("method")
    assert list(measured.index) == list(warehouse_rows.METHODS)
    for method in warehouse_rows.METHODS:
        for metric in ("psnr", "ssim", "lmd", "lse_d", "lse_c"):
            value, mean = measured.loc[method, metric], expected.get((method, metric), np.nan)
            assert value == pytest.approx(mean, rel=1e-12, nan_ok=True)
    assert measured.loc["ground_truth", "note"].startswith("psnr: 75 of 75 frames equal")
    assert (measured["evaluator"] == warehouse_rows.EVALUATORS["lse_d"]).all()
    published = query(home.database, "from table_3 where source = 'published'")
    assert len(published) == 18 and set(published["corpus"]) == {"lrw", "lrs2", "hdtf"}
    assert published["note"].str.contains("2305.19556").all()


def test_table_1_is_the_ablation_alone(home: Home) -> None:
    labels = query(home.database, "select source, label from table_1").groupby("source")["label"].agg(list)
    assert labels["published"] == ["baseline", "+ A2L", "+ d_av", "+ d_vv"]
    assert labels["measured"] == ["baseline", "+ d_vv"]


def test_table_2_leaves_careless_raters_out(home: Home) -> None:
    row = one(home, "select * from table_2 where source = 'measured' and method = 'cals'")
    ratings = np.array([2 + rater % 3 for rater in range(5)])
    assert row["visual_quality"] == pytest.approx(ratings.mean())
    t_with_4_degrees = 2.7764451051977987
    expected = t_with_4_degrees * ratings.std(ddof=1) / np.sqrt(5)
    assert row["visual_quality_half_width"] == pytest.approx(expected, rel=1e-9)
    assert np.isnan(row["lip_sync_quality"]) and row["num_ratings"] == 10
    published = one(home, "select * from table_2 where source = 'published' and method = 'cals'")
    assert (published["realness"], published["realness_half_width"]) == (3.940, 0.081)


def test_table_2_has_an_interval_for_any_number_of_ratings_but_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    row = {"study": "s", "dataset": "d", "clip_id": "c", "scale": "realness", "screened_out": False}
    ratings = {"wav2lip": [4], "cals": [2, 5], "copy_reference": [1 + i % 5 for i in range(1200)]}
    rows = [
        row | {"rater": f"r{i}", "method": method, "rating": rating}
        for method, given in ratings.items()
        for i, rating in enumerate(given)
    ]
    write_part(home, "mos_ratings", rows, dataset="d")
    publish(home)
    found = query(home.database, "from table_2 where source = 'measured'").set_index("method")
    assert np.isnan(found.loc["wav2lip", "realness_half_width"])
    assert found.loc["cals", "realness_half_width"] == pytest.approx(12.706204736 * 1.5)
    many = found.loc["copy_reference", "realness_half_width"]
    exact = stats.t.ppf(0.975, 1199) * np.std(ratings["copy_reference"], ddof=1) / np.sqrt(1200)
    assert exact < many < exact * 1.001


def test_quantiles_of_students_t_are_those_of_scipy(home: Home) -> None:
    found = query(home.database, "from student_t order by degrees_of_freedom")
    assert found["degrees_of_freedom"].tolist() == list(range(1, 1001))
    expected = stats.t.ppf(0.975, found["degrees_of_freedom"])
    assert found["quantile_975"].to_numpy() == pytest.approx(expected, rel=1e-8)


def test_figure_2_has_means_of_masked_and_unmasked_frames_with_their_intervals(home: Home) -> None:
    rows = query(home.database, "from figure_2").set_index(["method", "mask_frames"])
    assert list(rows.index) == sorted(MASKED)
    for key in (("cals", 2), ("cals", 5)):
        for column, name in enumerate(("lmd_masked", "lmd_unmasked")):
            values = [distances[column] for distances in MASKED[key].values()]
            known = [value for value in values if value is not None]
            row = rows.loc[key]
            assert row[name] == pytest.approx(np.mean(known))
            assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx(resampled(values))
            assert (row["num_clips"], row["num_missing"]) == (len(known), len(values) - len(known))
    ends = ["lmd_masked_low", "lmd_masked_high", "lmd_unmasked_low", "lmd_unmasked_high"]
    alone, none = rows.loc[("wav2lip", 5)], rows.loc[("wav2lip", 20)]
    assert (alone["lmd_masked"], alone["lmd_unmasked"]) == (4.0, 2.0) and alone[ends].isna().all()
    assert none[["lmd_masked", "lmd_unmasked", *ends]].isna().all() and none["num_missing"] == 1


def test_figure_3_has_means_by_window_with_their_intervals_and_the_papers_best(home: Home) -> None:
    points = query(home.database, "from figure_3 where source = 'measured'").set_index("window_frames")
    assert points["lmd"].to_dict() == pytest.approx({1: 2.1, 15: 3.5, 30: 1.1})
    for window in (1, 15):  # a fourth clip has another window alone
        found = points.loc[window, "low"], points.loc[window, "high"]
        assert found == pytest.approx(resampled([None, *(1.0 + i + window / 10 for i in range(3))]))
    assert points.loc[30, ["low", "high"]].isna().all()
    published = query(
        home.database,
        "select corpus, window_frames, lmd from figure_3 "
        "where source = 'published' and low is null and high is null",
    )
    assert list(published.itertuples(index=False, name=None)) == [("lrs2", 13, 1.059), ("lrw", 15, 1.162)]


def test_metric_summary_counts_what_is_missing_and_says_why(home: Home) -> None:
    row = one(
        home, "select * from metric_summary where method = 'wav2lip' and metric = 'lmd' and audio = 'own'"
    )
    assert (row["num_clips"], row["num_missing"], row["better"], row["unit"]) == (13, 1, "lower", "px")
    assert row["why_missing"].startswith("no face found")
    assert row["low"] < row["mean"] < row["high"]


def test_wrong_audio_margin_is_paired_and_signed_so_that_more_is_better(
    home: Home, scores: pd.DataFrame
) -> None:
    margins = query(home.database, "from wrong_audio_margin").set_index(["method", "metric"])
    wide = scores.pivot(index=["method", "metric", "clip_id"], columns="audio", values="value")
    gain = (wide["own"] - wide["other"]).groupby(["method", "metric"]).mean()
    for (method, metric), row in margins.iterrows():
        sign = 1 if metric in ("psnr", "ssim", "psnr_mouth", "ssim_mouth", "lse_c") else -1
        assert row["margin"] == pytest.approx(sign * gain[(method, metric)], abs=1e-12)
    assert margins.loc[("cals", "lmd"), "low"] > 0
    assert margins.loc[("copy_reference", "lmd"), ["margin", "low", "high"]].tolist() == [0, 0, 0]


def test_method_differences_are_paired_and_say_who_is_better(home: Home, scores: pd.DataFrame) -> None:
    row = one(
        home,
        "select * from method_differences where method = 'cals' and other_method = 'wav2lip' and metric = 'lmd'",
    )
    own = scores[(scores["audio"] == "own") & (scores["metric"] == "lmd")]
    wide = own.pivot(index="clip_id", columns="method", values="value")
    difference = (wide["cals"] - wide["wav2lip"]).dropna()
    assert row["mean_difference"] == pytest.approx(difference.mean())
    assert row["num_clips"] == len(difference) == 13
    assert row["is_better"] and row["high"] < 0 and row["p_value"] < 0.01
    mirror = one(
        home,
        "select * from method_differences where method = 'wav2lip' and other_method = 'cals' and metric = 'lmd'",
    )
    assert mirror["low"] == pytest.approx(-row["high"]) and not mirror["is_better"]


def test_ledger_edges_come_from_the_inputs(home: Home) -> None:
    edges = query(
        home.database,
        "select input, asset, method, data_version from materialization_inputs "
        f"where materialization_id = '{warehouse_rows.DATASET}-08' order by input",
    )
    assert edges["asset"].tolist() == ["renders", "shards"]
    assert edges["method"].tolist() == ["cals", None]
    assert edges["data_version"].tolist() == ["x", "shards5"]
    settings = query(
        home.database, "select distinct asset from materialization_inputs where asset like 'settings/%'"
    )
    assert settings["asset"].tolist() == ["settings/clips"]


def test_current_materializations_are_the_newest(home: Home) -> None:
    row = one(home, "select * from current_materializations where asset = 'clips'")
    assert row["materialization_id"] == f"{warehouse_rows.DATASET}-01"
    assert row["finished_at"] == pd.Timestamp("2026-11-23 12:01:00", tz="UTC")


def test_durations_and_throughput(home: Home) -> None:
    row = one(home, "select * from stage_durations where asset = 'clips'")
    assert (row["num_materializations"], row["last_s"], row["median_s"], row["total_s"]) == (
        2,
        2.5,
        5.75,
        11.5,
    )
    speeds = query(
        home.database, "select clips_per_s from throughput where asset = 'clips' order by finished_at"
    )
    assert speeds["clips_per_s"].tolist() == pytest.approx([44 / 9.0, 1 / 2.5])


def test_model_metrics_are_beside_chance(home: Home) -> None:
    metrics = query(home.database, "from model_figures where asset = 'sync_encoder'").set_index("figure")
    assert metrics.loc["retrieval_at_1", ["value", "chance"]].tolist() == [0.412, 0.0323]
    generator = query(home.database, "from model_figures where asset = 'generator' and method = 'cals'")
    assert generator["chance"].isna().all()
    warning = one(home, "select * from model_warnings")
    assert (warning["asset"], warning["warning"], warning["step"]) == (
        "sync_encoder",
        "plateau_at_chance",
        300,
    )


def test_a_warning_given_as_text_is_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    model = {
        "dataset": "d",
        "asset": "generator",
        "method": "cals",
        "warnings_json": '["the loss is not finite"]',
    }
    write_part(home, "models", [model], dataset="d")
    row = one(Home(publish(home).parent.parent), "select * from model_warnings")
    assert (row["warning"], row["text"]) == ("warning", "the loss is not finite")
