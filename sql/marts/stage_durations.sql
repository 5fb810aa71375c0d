-- How long each asset's partitions took, over all their materialisations.
-- grain: one partition of an asset
-- key: asset, dataset, method
-- units: seconds; lower is better
create view stage_durations as
with

runs as (
    select
        materializations.asset, materializations.dataset, materializations.method,
        materializations.duration_s, materializations.finished_at
    from materializations
)

select
    runs.asset,  -- asset that was materialised
    runs.dataset,  -- dataset of the partition
    runs.method,  -- method of the partition; null for assets that have none
    count(*) as num_materializations,  -- times that it was materialised
    arg_max(runs.duration_s, runs.finished_at) as last_s,  -- seconds that the newest one took
    median(runs.duration_s) as median_s,  -- median of the seconds that they took
    max(runs.duration_s) as longest_s,  -- seconds that the longest one took
    sum(runs.duration_s) as total_s,  -- seconds that all of them took together
    max(runs.finished_at) as last_finished_at  -- when the newest one was finished, UTC
from runs
group by runs.asset, runs.dataset, runs.method
order by total_s desc
