-- Warnings of trainings, with what to try.
-- grain: one warning of one model
-- key: none (a warning may be repeated at several steps)
create view model_warnings as
with

entries as (
    select
        models.dataset, models.asset, models.method,
        unnest(cast(json_extract(models.warnings_json, '$[*]') as json[])) as entry
    from models
    where models.warnings_json is not null
)

select
    entries.dataset,  -- name of the dataset, as in cals.yaml
    entries.asset,  -- sync_encoder, audio_to_lip, generator or lse_evaluator
    entries.method,  -- method of a generator; null for the other models
    coalesce(json_extract_string(entries.entry, '$.warning'), 'warning') as warning,  -- name of the warning
    coalesce(
        json_extract_string(entries.entry, '$.text'), json_extract_string(entries.entry, '$')
    ) as text,  -- what was observed and what to try
    try_cast(json_extract_string(entries.entry, '$.step') as bigint) as step  -- optimiser step; null if unknown
from entries
