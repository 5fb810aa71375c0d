-- Metrics that each training reported, by step.
-- grain: one metric at one step of one training
-- key: dataset, asset, method, step, split, metric
create view training_curves as
with

versions as (
    select
        training_curves_history.dataset, training_curves_history.asset, training_curves_history.method,
        training_curves_history.step, training_curves_history.split, training_curves_history.metric,
        training_curves_history.value, training_curves_history.model_version
    from training_curves_history
    where training_curves_history.is_current
)

select
    versions.dataset,  -- name of the dataset, as in cals.yaml
    versions.asset,  -- sync_encoder, audio_to_lip, generator or lse_evaluator
    versions.method,  -- method of a generator; null for the other models
    versions.step,  -- optimiser steps done
    versions.split,  -- train or val
    versions.metric,  -- a loss (lower is better) or a retrieval rate (higher is better)
    versions.value,  -- null where it was not finite
    versions.model_version  -- hash of the weights that this training wrote (models.weights_sha256)
from versions
