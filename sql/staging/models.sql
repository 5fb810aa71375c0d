-- Current trained models, with their metrics and the machine that trained them.
-- grain: one model
-- key: dataset, asset, method
create view models as
with

versions as (
    select
        models_history.dataset, models_history.asset, models_history.method, models_history.weights_sha256,
        models_history.training_key, models_history.mlflow_run_id, models_history.registered_name,
        models_history.registered_version, models_history.num_parameters, models_history.steps,
        models_history.seconds, models_history.device, models_history.figures_json, models_history.chance_json,
        models_history.warnings_json
    from models_history
    where models_history.is_current
)

select
    versions.dataset,  -- name of the dataset, as in cals.yaml
    versions.asset,  -- sync_encoder, audio_to_lip, generator or lse_evaluator
    versions.method,  -- method of a generator; null for the other models
    versions.weights_sha256,  -- hash of the weights file, 64 hex digits; also the model's data version
    versions.training_key,  -- folder of the training: digest of its code, settings and inputs
    versions.mlflow_run_id,  -- MLflow run of the training
    versions.registered_name,  -- name in MLflow's model registry
    versions.registered_version,  -- version in MLflow's model registry
    versions.num_parameters,  -- trainable parameters
    versions.steps,  -- optimiser steps done
    versions.seconds,  -- seconds of training
    versions.device,  -- processor that it was trained on
    versions.figures_json,  -- JSON object: metric -> value on held-out clips (model_figures has it as rows)
    versions.chance_json,  -- JSON object: metric -> value that guessing would reach
    versions.warnings_json  -- JSON list of what training warned of (model_warnings has it as rows)
from versions
