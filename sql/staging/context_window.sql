-- Landmark distance of the middle frame when the model is given only a window of audio around it (Figure 3).
-- grain: one clip by one method with one window
-- key: dataset, method, clip_id, window_frames
create view context_window as
with

versions as (
    select
        context_window_history.dataset, context_window_history.method, context_window_history.clip_id,
        context_window_history.window_frames, context_window_history.lmd, context_window_history.detail
    from context_window_history
    where context_window_history.is_current
)

select
    versions.dataset,  -- name of the dataset, as in cals.yaml
    versions.method,  -- method that generated the frames
    versions.clip_id,  -- dataset/split/relative path, with #segment where a long video was cut
    versions.window_frames,  -- video frames of audio given on each side of the middle frame, at 25 fps
    versions.lmd,  -- landmark distance of the middle frame in crop pixels; lower is better
    versions.detail  -- why lmd is null
from versions
