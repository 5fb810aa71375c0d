-- Metrics that every training reported, by step; the view training_curves has those of the current models.
-- grain: one metric at one step of one version of a training
-- key: dataset, asset, method, step, split, metric, materialization_id
create table training_curves_history (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    asset varchar not null,  -- sync_encoder, audio_to_lip, generator or lse_evaluator
    method varchar,  -- method of a generator; null for the other models
    step bigint not null,  -- optimiser steps done
    split varchar,  -- train or val
    metric varchar not null,  -- a loss (lower is better) or a retrieval rate (higher is better)
    value double,  -- null where it was not finite
    model_version varchar,  -- hash of the weights that this training wrote (models.weights_sha256)
    materialization_id varchar,  -- materialisation that first wrote this version (materializations)
    data_version varchar,  -- digest of the content that it came to
    code_version varchar,  -- fingerprint of its code and libraries
    git_commit varchar,  -- commit of the project's code
    git_dirty boolean,  -- true where the code differed from the commit
    finished_at timestamptz,  -- when it was finished, UTC
    is_current boolean not null  -- true for the version that is in force: the rows of the view training_curves
)
