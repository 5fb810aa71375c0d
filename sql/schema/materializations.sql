-- The ledger: every materialisation of an asset's partition, with all that determines its result.
-- grain: one materialisation of one partition
-- key: materialization_id
create table materializations (
    materialization_id varchar not null,  -- identifier of the materialisation
    asset varchar not null,  -- asset that was materialised, e.g. face_crops
    dataset varchar,  -- dataset of the partition
    method varchar,  -- method of the partition; null for assets that have none
    finished_at timestamptz,  -- when it was finished, UTC
    data_version varchar,  -- digest of its content
    code_version varchar,  -- fingerprint of its code and libraries
    settings_json json,  -- JSON object: the settings of the stage
    dagster_run_id varchar,  -- Dagster run that it happened in
    mlflow_run_id varchar,  -- MLflow run of a training; null for other assets
    git_commit varchar,  -- commit of the project's code
    git_dirty boolean,  -- true where the code differed from the commit
    library_versions_json json,  -- JSON object: library -> version
    host varchar,  -- machine that it ran on
    device varchar,  -- processor that it ran on
    duration_s double,  -- seconds that it took
    num_clips bigint,  -- clips that the partition holds afterwards
    counts_json json,  -- JSON object: other counts, e.g. clips computed in this pass
    inputs_json json,  -- JSON object: input -> data version (materialization_inputs has it as rows)
    blocked_by varchar,  -- blocking check that failed on the result; null where none did
    checks_json json,  -- JSON object: name of each check -> passed, blocking, description
    imported_from varchar,  -- folder of a model that was trained elsewhere and imported; null for the others
    parts_read_json json,  -- JSON object: input that is read in part -> digest of that part, e.g. of a training's splits
    parts_json json,  -- JSON object: table of whose parts every version stays -> sha256 of the part that it wrote
    files_digest varchar,  -- digest of the files that it left (recorded_files); null for rows of an earlier version
    heads_json json,  -- JSON list: row_digest of the newest rows that were on record when it was written
    row_digest varchar  -- digest of all other columns of the row, null ones left out
)
