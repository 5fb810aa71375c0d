-- Every landmark distance of the middle frame when the model is given only a window of audio around it; the view
-- context_window has the current ones (Figure 3).
-- grain: one clip by one method with one window, in one version
-- key: dataset, method, clip_id, window_frames, materialization_id
create table context_window_history (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    window_frames integer not null,  -- video frames of audio given on each side of the middle frame, at 25 fps
    lmd double,  -- landmark distance of the middle frame in crop pixels; lower is better
    detail varchar,  -- why lmd is null
    materialization_id varchar,  -- materialisation that first wrote this version (materializations)
    data_version varchar,  -- digest of the content that it came to
    code_version varchar,  -- fingerprint of its code and libraries
    git_commit varchar,  -- commit of the project's code
    git_dirty boolean,  -- true where the code differed from the commit
    finished_at timestamptz,  -- when it was finished, UTC
    is_current boolean not null  -- true for the version that is in force: the rows of the view context_window
)
