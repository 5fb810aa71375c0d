-- Landmark distance of the middle frame when the model is given only a window of audio around it (Figure 3).
-- grain: one clip by one method with one window
-- key: dataset, method, clip_id, window_frames
create table context_window (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    window_frames integer not null,  -- video frames of audio given on each side of the middle frame, at 25 fps
    lmd double,  -- landmark distance of the middle frame in crop pixels; lower is better
    detail varchar  -- why lmd is null
)
