-- The newest materialisation of each partition.
-- grain: one partition of an asset
-- key: asset, dataset, method
create view current_materializations as
with

numbered as (
    select
        materializations.asset, materializations.dataset, materializations.method,
        materializations.materialization_id, materializations.finished_at, materializations.data_version,
        materializations.code_version, materializations.git_commit, materializations.git_dirty,
        materializations.host, materializations.device, materializations.duration_s,
        materializations.num_clips, materializations.mlflow_run_id, materializations.dagster_run_id,
        row_number() over (
            partition by materializations.asset, materializations.dataset, materializations.method
            order by materializations.finished_at desc, materializations.materialization_id desc
        ) as age
    from materializations
)

select
    numbered.asset,  -- asset that was materialised
    numbered.dataset,  -- dataset of the partition
    numbered.method,  -- method of the partition; null for assets that have none
    numbered.materialization_id,  -- its newest materialisation (materializations)
    numbered.finished_at,  -- when that was finished, UTC
    numbered.data_version,  -- digest of the content
    numbered.code_version,  -- fingerprint of its code and libraries
    numbered.git_commit,  -- commit of the project's code
    numbered.git_dirty,  -- true where the code differed from the commit
    numbered.host,  -- machine that it ran on
    numbered.device,  -- processor that it ran on
    numbered.duration_s,  -- seconds that it took
    numbered.num_clips,  -- clips that the partition holds
    numbered.dagster_run_id,  -- Dagster run that it happened in
    numbered.mlflow_run_id  -- MLflow run of a training; null for other assets
from numbered
where numbered.age = 1
