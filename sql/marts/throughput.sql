-- Clips a second of each materialisation that processed clips; only the clips that it computed count.
-- grain: one materialisation
-- key: materialization_id
-- units: clips a second; higher is better
create view throughput as
with

runs as (
    select
        materializations.materialization_id, materializations.asset, materializations.dataset,
        materializations.method, materializations.finished_at, materializations.host,
        materializations.device, materializations.duration_s,
        coalesce(
            try_cast(json_extract_string(materializations.counts_json, '$.computed') as bigint),
            materializations.num_clips
        ) as num_computed
    from materializations
)

select
    runs.materialization_id,  -- the materialisation (materializations)
    runs.asset,  -- asset that was materialised
    runs.dataset,  -- dataset of the partition
    runs.method,  -- method of the partition; null for assets that have none
    runs.finished_at,  -- when it was finished, UTC
    runs.host,  -- machine that it ran on
    runs.device,  -- processor that it ran on
    runs.num_computed,  -- clips computed in this pass
    runs.duration_s,  -- seconds that it took
    runs.num_computed / nullif(runs.duration_s, 0) as clips_per_s  -- clips a second; higher is better
from runs
where runs.num_computed > 0
