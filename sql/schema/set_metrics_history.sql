-- Every score of all rendered frames of a split together, against its true frames; the view set_metrics has the current ones.
-- grain: one metric of one method and kind of audio, in one version
-- key: dataset, method, audio, metric, evaluator, materialization_id
-- units: metric_definitions gives each metric's unit and which direction is better
create table set_metrics_history (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames; ground_truth and copy_reference are controls
    audio varchar not null,  -- audio that the method was given: own, or another test clip's (other)
    metric varchar not null,  -- name of the metric (metric_definitions)
    value double,  -- the score; null where it could not be computed, and then detail says why
    num_frames bigint not null,  -- frames that the method generated, of those in which the clip's face is detected
    num_true_frames bigint not null,  -- true frames of the split that they are compared with
    num_clips bigint not null,  -- clips that the method's frames are from
    evaluator varchar not null,  -- network that the score depends on, with its weights file and digest
    detail varchar,  -- why value is null, or what qualifies it
    materialization_id varchar,  -- materialisation that first wrote this version (materializations)
    data_version varchar,  -- digest of the content that it came to
    code_version varchar,  -- fingerprint of its code and libraries
    git_commit varchar,  -- commit of the project's code
    git_dirty boolean,  -- true where the code differed from the commit
    finished_at timestamptz,  -- when it was finished, UTC
    is_current boolean not null  -- true for the version that is in force: the rows of the view set_metrics
)
