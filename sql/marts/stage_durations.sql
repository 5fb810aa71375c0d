-- How long each asset's partitions took, over all their materialisations.
-- grain: one partition of an asset
-- key: asset, dataset, method
-- units: seconds; lower is better
create view stage_durations as
with

made as (
    select
        materializations.asset, materializations.dataset, materializations.method,
        materializations.duration_s, materializations.finished_at
    from materializations
)

select
    made.asset,  -- asset that was made
    made.dataset,  -- dataset of the partition
    made.method,  -- method of the partition; null for assets that have none
    count(*) as num_materializations,  -- times that it was made
    arg_max(made.duration_s, made.finished_at) as last_s,  -- seconds that the newest one took
    median(made.duration_s) as median_s,  -- median of the seconds that they took
    max(made.duration_s) as longest_s,  -- seconds that the longest one took
    sum(made.duration_s) as total_s,  -- seconds that all of them took together
    max(made.finished_at) as last_finished_at  -- when the newest one was finished, UTC
from made
group by made.asset, made.dataset, made.method
order by total_s desc
