-- Every trained model, with its metrics and the machine that trained it; the view models has the current ones.
-- grain: one model of one version
-- key: dataset, asset, method, materialization_id
create table models_history (
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
    figures_json json,  -- JSON object: metric -> value on held-out clips (model_figures has it as rows)
    chance_json json,  -- JSON object: metric -> value that guessing would reach
    warnings_json json,  -- JSON list of what training warned of (model_warnings has it as rows)
    materialization_id varchar,  -- materialisation that first wrote this version (materializations)
    data_version varchar,  -- digest of the content that it came to
    code_version varchar,  -- fingerprint of its code and libraries
    git_commit varchar,  -- commit of the project's code
    git_dirty boolean,  -- true where the code differed from the commit
    finished_at timestamptz,  -- when it was finished, UTC
    is_current boolean not null  -- true for the version that is in force: the rows of the view models
)
