-- Trained models as they stand now, with what they reached and on what.
-- grain: one model
-- key: dataset, asset, method
create table models (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    asset varchar not null,  -- sync_encoder, audio_to_lip, generator or lse_evaluator
    method varchar,  -- method of a generator; null for the other models
    model_version varchar,  -- data version of the model
    weights_sha256 varchar,  -- hash of the weights file, 64 hex digits
    mlflow_run_id varchar,  -- MLflow run of the training
    registered_name varchar,  -- name in MLflow's model registry
    registered_version varchar,  -- version in MLflow's model registry
    num_parameters bigint,  -- trainable parameters
    steps bigint,  -- optimiser steps done
    seconds double,  -- seconds of training
    device varchar,  -- kind of processor it was trained on: cpu or cuda
    device_name varchar,  -- the processor's own name
    peak_memory_bytes bigint,  -- most memory in use during training, in bytes
    shards_json varchar,  -- JSON object: shard folder -> digest of its manifest
    config_json varchar,  -- JSON object: the settings of the training
    figures_json varchar,  -- JSON object: figure -> value on held-out clips (model_figures has it as rows)
    chance_json varchar,  -- JSON object: figure -> value that guessing would reach
    warnings_json varchar,  -- JSON list of what training warned of (model_warnings has it as rows)
    versions_json varchar,  -- JSON object: library -> version
    withdrawn varchar  -- why the model must not be used any more (a clip was forgotten); null where it may
)
