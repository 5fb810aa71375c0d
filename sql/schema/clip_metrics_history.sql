-- Every score of rendered test clips; the view clip_metrics has the current ones.
-- grain: one metric of one clip by one method, audio and protocol, in one version
-- key: dataset, method, clip_id, audio, protocol, metric, evaluator, materialization_id
-- units: metric_definitions gives each metric's unit and which direction is better
create table clip_metrics_history (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames; ground_truth and copy_reference are controls
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    audio varchar not null,  -- audio that the method was given: own, or another test clip's (other: the wrong-audio control)
    protocol varchar not null,  -- primary, crop_256 (at their own size), atvgnet, lse_crop, lse_crop_dubbed (against the audio given), lse_real, ..._jpeg, opening
    metric varchar not null,  -- name of the metric (metric_definitions)
    value double,  -- the score; null where it could not be computed, and then detail says why
    offset_frames integer,  -- lse_d, lse_c: shift of the audio in frames (25 fps) at which they were reached; positive: the audio is early; null for several faces
    evaluator varchar,  -- network, detector or library that the score depends on
    detail varchar,  -- why value is null, or what qualifies it
    materialization_id varchar,  -- materialisation that first wrote this version (materializations)
    data_version varchar,  -- digest of the content that it came to
    code_version varchar,  -- fingerprint of its code and libraries
    git_commit varchar,  -- commit of the project's code
    git_dirty boolean,  -- true where the code differed from the commit
    finished_at timestamptz,  -- when it was finished, UTC
    is_current boolean not null  -- true for the version that is in force: the rows of the view clip_metrics
)
