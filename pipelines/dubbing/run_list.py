"""``cals dub --list``: a table of dubs, one after the other; models are loaded once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assets.project.settings import Project
from pipelines.dubbing.choose_model import choose_model
from pipelines.dubbing.content_credentials import configured_key
from pipelines.dubbing.job_list import Job, read_jobs
from pipelines.dubbing.output_folder import check_folder
from pipelines.dubbing.output_format import check_output, container_of
from pipelines.dubbing.run import run_dub
from pipelines.dubbing.settings import DubSettings

if TYPE_CHECKING:
    from pipelines.dubbing.dub import DubInputs
    from pipelines.dubbing.run import LoadedModels


def run_list(
    project: Project,
    table: Path,
    requested_model: str | None,
    settings: DubSettings,
    say: Callable[[str], None],
) -> bool:
    """Dubs each row of a table; a row that fails costs itself only.

    Args:
        project: see ``run_dub``.
        table: see ``job_list``.
        requested_model: of rows that name none.
        settings: of rows that say nothing else.
        say: prints a line.

    Returns:
        Whether all rows were dubbed.

    Raises:
        ValueError: the table as a whole can't be used; nothing is written then.
    """
    listed = read_jobs(table)
    failed, ready = list(listed.problems), []
    for job in listed.jobs:
        try:
            choose_model(project.home, job.model or requested_model)
            check_folder(job.out)
            inputs = _inputs(job)
            check_output(container_of(job.out, None), settings, is_signed=configured_key() is not None)
            ready.append((job, inputs))
        except (ValueError, OSError) as error:
            failed.append(f"{table}, line {job.line}: {error}")
    for problem in failed:
        say(f"not dubbed: {problem}")
    models: LoadedModels = {}
    for number, (job, inputs) in enumerate(ready, start=1):
        say(f"dub {number} of {len(ready)}, line {job.line}: {job.out}")
        try:
            run_dub(project, inputs, job.model or requested_model, _settings(job, settings), say, models)
        except (ValueError, OSError) as error:
            failed.append(f"{table}, line {job.line}: {error}")
            say(f"not dubbed: {failed[-1]}")
    num_rows = len(listed.jobs) + len(listed.problems)
    if failed:
        say(f"{len(failed)} of {num_rows} rows of {table} were not dubbed; the lines above say why")
    else:
        say(f"all {num_rows} rows of {table} were dubbed")
    return not failed


def _inputs(job: Job) -> DubInputs:
    from pipelines.dubbing.dub import DubInputs

    return DubInputs(video=job.video, audio=job.audio, out=job.out, cast=job.cast)


def _settings(job: Job, settings: DubSettings) -> DubSettings:
    fit = settings.fit if job.fit is None else job.fit
    if job.faces is None:
        return replace(settings, fit=fit)
    return replace(settings, faces=job.faces, speaker=job.speaker, fit=fit)
