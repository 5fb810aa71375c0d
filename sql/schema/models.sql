-- Current trained models, with their metrics and the machine that trained them.
-- grain: one model
-- key: dataset, asset, method
create table models (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    asset varchar not null,  -- sync_encoder, audio_to_lip, generator or lse_evaluator
    method varchar,  -- method of a generator; null for the other models
    weights_sha256 varchar,  -- hash of the weights file, 64 hex digits; also the model's data version
    training_key varchar,  -- folder of the training: digest of its code, settings and inputs
    mlflow_run_id varchar,  -- MLflow run of the training
    registered_name varchar,  -- name in MLflow's model registry
    registered_version varchar,  -- version in MLflow's model registry
    num_parameters bigint,  -- trainable parameters
    steps bigint,  -- optimiser steps done
    seconds double,  -- seconds of training
    device varchar,  -- processor that it was trained on
    figures_json varchar,  -- JSON object: metric -> value on held-out clips (model_figures has it as rows)
    chance_json varchar,  -- JSON object: metric -> value that guessing would reach
    warnings_json varchar  -- JSON list of what training warned of (model_warnings has it as rows)
)
