-- Clips a second of each materialisation that handled clips. Passes that recomputed only some clips count those.
-- grain: one materialisation
-- key: materialization_id
-- units: clips a second; higher is better
create view throughput as
with

made as (
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
    made.materialization_id,  -- the materialisation (materializations)
    made.asset,  -- asset that was made
    made.dataset,  -- dataset of the partition
    made.method,  -- method of the partition; null for assets that have none
    made.finished_at,  -- when it was finished, UTC
    made.host,  -- machine that it ran on
    made.device,  -- processor that it ran on
    made.num_computed,  -- clips worked on in this pass
    made.duration_s,  -- seconds that it took
    made.num_computed / nullif(made.duration_s, 0) as clips_per_s  -- clips a second; higher is better
from made
where made.num_computed > 0
