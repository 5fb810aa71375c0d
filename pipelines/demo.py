"""``cals demo``: generates the sample corpus and runs every stage on it."""

from __future__ import annotations

import time
from pathlib import Path

from assets.project.settings import Project
from assets.report.overview import render_overview
from assets.sample_corpus.corpus import make_sample_corpus
from assets.sample_corpus.plan import plan_corpus
from assets.sample_corpus.settings import SampleCorpusSettings
from assets.workers.progress import progress_bar
from pipelines.query import run_query
from pipelines.runner import run_stale, say_on_stderr
from pipelines.staleness import selected_datasets, selected_stages

DATASETS = ("sample_lrs2", "sample_lrw", "sample_hdtf")
TABLE = """
select label, round(psnr, 2) as psnr, round(ssim, 3) as ssim, round(lmd, 3) as lmd, round(lse_d, 3) as lse_d,
    round(lse_c, 3) as lse_c, num_clips
from table_3 where dataset = 'sample_lrs2'
"""
MARGIN = """
select method, metric, round(own_mean, 3) as own_audio, round(other_mean, 3) as other_audio,
    round(margin, 3) as margin, round(low, 3) as low, round(high, 3) as high
from wrong_audio_margin
where dataset = 'sample_lrs2' and method in ('wav2lip', 'cals') and protocol in ('primary', 'lse_crop')
    and metric in ('psnr_mouth', 'lmd', 'lse_d', 'lse_c')
order by metric, method
"""


def run_demo(project: Project, to: str | None = None) -> int:
    """Renders the corpus, trains on its LRS2 part, takes its LRW and HDTF parts to shards; prints the table.

    Args:
        project: its ``cals.yaml`` names the sample datasets.
        to: the asset to end with, for all three datasets; None goes to the report and prints the tables.
    """
    selected_datasets(project, DATASETS)  # an unknown name is an error before the corpus is rendered
    selected_stages(to)
    start = time.monotonic()
    say_on_stderr("sample corpus: a photograph that talks (generated here, nothing is downloaded)")
    _make_corpus(project.home.sample_corpus)
    outcome = run_stale(project, DATASETS, to)
    for line in [*outcome.warning_lines(), *outcome.problems()]:
        say_on_stderr(line)
    if not outcome.ok:
        return 1
    if to is not None:
        print(
            f"built up to {to} in {time.monotonic() - start:.0f} s; `cals stale --to {to}` says what an edit makes stale"
        )
        return 0
    print(run_query(project, TABLE, "table"))
    print("\nWhat the right audio gains over another clip's audio, with its 95 % interval:")
    print(run_query(project, MARGIN, "table"))
    print(f"\nreport: {project.home.report('sample_lrs2')}")
    print(f"all datasets: {render_overview(project.home, project.methods)}")
    print(f"tables: cals query 'select * from table_3'   ({time.monotonic() - start:.0f} s in all)")
    return 0


def _make_corpus(root: Path) -> None:
    settings = SampleCorpusSettings()
    with progress_bar("sample corpus", len(plan_corpus(settings))) as advance:
        seen = 0

        def progress(done: int, _total: int) -> None:
            nonlocal seen
            advance(done - seen)
            seen = done

        make_sample_corpus(root, settings=settings, progress=progress)
