-- Scores of rendered test clips.
-- grain: one metric of one clip by one method, audio and protocol
-- key: dataset, method, clip_id, audio, protocol, metric, evaluator
-- units: metric_definitions gives each metric's unit and which direction is better
create view clip_metrics as
with

versions as (
    select
        clip_metrics_history.dataset, clip_metrics_history.method, clip_metrics_history.clip_id,
        clip_metrics_history.audio, clip_metrics_history.protocol, clip_metrics_history.metric,
        clip_metrics_history.value, clip_metrics_history.offset_frames, clip_metrics_history.evaluator,
        clip_metrics_history.detail
    from clip_metrics_history
    where clip_metrics_history.is_current
)

select
    versions.dataset,  -- name of the dataset, as in cals.yaml
    versions.method,  -- method that generated the frames; ground_truth and copy_reference are controls
    versions.clip_id,  -- dataset/split/relative path, with #segment where a long video was cut
    versions.audio,  -- audio that the method was given: own, or another test clip's (other: the wrong-audio control)
    versions.protocol,  -- primary, crop_256 (at their own size), atvgnet, lse_crop, lse_crop_dubbed (against the audio given), lse_real, ..._jpeg, opening
    versions.metric,  -- name of the metric (metric_definitions)
    versions.value,  -- the score; null where it could not be computed, and then detail says why
    versions.offset_frames,  -- lse_d, lse_c: shift of the audio in frames (25 fps) at which they were reached; positive: the audio is early; null for several faces
    versions.evaluator,  -- network, detector or library that the score depends on
    versions.detail  -- why value is null, or what qualifies it
from versions
