-- Metrics of each model on held-out clips at the end of its training, beside what guessing would reach.
-- grain: one metric of one model
-- key: dataset, asset, method, figure
create view model_figures as
with

names as (
    select
        models.dataset, models.asset, models.method, models.figures_json, models.chance_json,
        unnest(json_keys(models.figures_json)) as figure
    from models
    where models.figures_json is not null
)

select
    names.dataset,  -- name of the dataset, as in cals.yaml
    names.asset,  -- sync_encoder, audio_to_lip, generator or lse_evaluator
    names.method,  -- method of a generator; null for the other models
    names.figure,  -- name of the metric; lower is better for losses, higher for retrieval rates and accuracies
    try_cast(
        json_extract_string(names.figures_json, '$."' || names.figure || '"') as double
    ) as value,  -- on held-out clips; rates are shares between 0 and 1
    try_cast(
        json_extract_string(names.chance_json, '$."' || names.figure || '"') as double
    ) as chance  -- what guessing would reach; null where that is not defined
from names
