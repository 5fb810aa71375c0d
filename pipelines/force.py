"""Which partitions and clips ``cals run --force`` computes again."""

from __future__ import annotations

from collections.abc import Sequence

from assets.clips.clip_table import clip_table_path, read_clip_table
from assets.project.graph import STAGES, stage_names
from assets.project.settings import Project, SettingsError
from assets.store.forced_clips import ForcedClips
from pipelines.staleness import Partition, selected_stages

BY_CLIP = stage_names("data")


def forced_partitions(
    project: Project,
    datasets: Sequence[str],
    to: str | None,
    assets: Sequence[str],
    clips: Sequence[str] = (),
    buckets: Sequence[int] = (),
) -> dict[Partition, ForcedClips]:
    """Partitions to compute again, each with its clips.

    Args:
        datasets: those that the run works on.
        to: the asset that the run ends with; None for each dataset's own.
        assets: stages to compute again.
        clips: only these clips of them; their ids name their datasets.
        buckets: only these buckets of them.

    Raises:
        SettingsError: no such asset, clip or bucket, or the run does not come to the asset.
    """
    if (clips or buckets) and not assets:
        raise SettingsError("--clip and --bucket say what --force computes again; give --force ASSET too")
    for asset in assets:
        selected_stages(asset)
        if (clips or buckets) and asset not in BY_CLIP:
            raise SettingsError(
                f"--force {asset}: is not computed clip by clip; --clip and --bucket go with {', '.join(BY_CLIP)}"
            )
    forced: dict[Partition, ForcedClips] = {}
    wanted = _clips_by_dataset(project, datasets, clips)
    for name in datasets:
        dataset = project.dataset(name)
        if clips and not buckets and name not in wanted:
            continue
        for bucket in buckets:
            if not 0 <= bucket < dataset.num_buckets:
                raise SettingsError(f"--bucket {bucket}: {name} has buckets 0 to {dataset.num_buckets - 1}")
        part = ForcedClips(
            every=not clips and not buckets,
            clip_ids=frozenset(wanted.get(name, ())),
            buckets=frozenset(buckets),
        )
        reached = {stage.name for stage in selected_stages(to or dataset.to)}
        for asset in (asset for asset in assets if asset in reached):
            methods = dataset.methods if STAGES[asset].by_method else (None,)
            forced |= {(asset, name, method): part for method in methods}
    for asset in assets:
        if not any(of[0] == asset for of in forced):
            raise SettingsError(f"--force {asset}: the run ends before it; give --to {asset}")
    return forced


def _clips_by_dataset(
    project: Project, datasets: Sequence[str], clips: Sequence[str]
) -> dict[str, list[str]]:
    """Clip ids by dataset.

    Raises:
        SettingsError: a clip is in no inventory of these datasets.
    """
    found: dict[str, list[str]] = {}
    for name in datasets:
        own = [clip for clip in clips if clip.startswith(f"{name}/")]
        if own and clip_table_path(project.home, name).exists():
            known = {row["clip_id"] for row in read_clip_table(project.home, name, ["clip_id"])}
            found |= {name: there} if (there := [clip for clip in own if clip in known]) else {}
    missing = sorted(set(clips) - {clip for some in found.values() for clip in some})
    if missing:
        raise SettingsError(
            f"--clip {missing[0]}: no such clip in {', '.join(datasets)}; ids are in the column clip_id of the table clips"
        )
    return found
