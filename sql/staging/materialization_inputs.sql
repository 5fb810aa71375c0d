-- Edges of the ledger: which version of which input a materialisation read.
-- grain: one input of one materialisation
-- key: materialization_id, input
create view materialization_inputs as
with

runs as (
    select
        materializations.materialization_id, materializations.dataset as partition_dataset,
        materializations.inputs_json, unnest(json_keys(materializations.inputs_json)) as input
    from materializations
    where materializations.inputs_json is not null
),

named as (
    select
        runs.materialization_id, runs.partition_dataset, runs.inputs_json, runs.input,
        split_part(runs.input, '|', 1) as place, nullif(split_part(runs.input, '|', 2), '') as method
    from runs
)

select
    named.materialization_id,  -- materialisation that read the input (materializations)
    named.input,  -- its name: asset, asset|method, shards@dataset (train_on), or a source such as settings/mels
    split_part(named.place, '@', 1) as asset,  -- asset or source that was read
    coalesce(nullif(split_part(named.place, '@', 2), ''), named.partition_dataset) as dataset,  -- dataset of what was read
    named.method,  -- method of the partition; null where it has none
    json_extract_string(named.inputs_json, '$."' || named.input || '"') as data_version  -- content that was read
from named
