-- Metrics that each training reported, by step.
-- grain: one metric at one step of one training
-- key: dataset, asset, method, step, split, metric
create table training_curves (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    asset varchar not null,  -- sync_encoder, audio_to_lip, generator or lse_evaluator
    method varchar,  -- method of a generator; null for the other models
    step bigint not null,  -- optimiser steps done
    split varchar,  -- train or val
    metric varchar not null,  -- a loss (lower is better) or a retrieval rate (higher is better)
    value double,  -- null where it was not finite
    model_version varchar  -- hash of the weights that this training wrote (models.weights_sha256)
)
