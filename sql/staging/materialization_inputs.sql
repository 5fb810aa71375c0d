-- Edges of the ledger: which version of which input a materialisation read.
-- grain: one input of one materialisation
-- key: materialization_id, input
create view materialization_inputs as
with

made as (
    select
        materializations.materialization_id, materializations.dataset as partition_dataset,
        materializations.inputs_json, unnest(json_keys(materializations.inputs_json)) as input
    from materializations
    where materializations.inputs_json is not null
)

select
    made.materialization_id,  -- materialisation that read the input (materializations)
    made.input,  -- name of the input: an asset, asset|method, or an observed source such as settings/mels
    split_part(made.input, '|', 1) as asset,  -- asset or source that was read
    made.partition_dataset as dataset,  -- dataset of the partition that was read
    nullif(split_part(made.input, '|', 2), '') as method,  -- method of the partition; null where it has none
    json_extract_string(made.inputs_json, '$."' || made.input || '"') as data_version  -- content that was read
from made
