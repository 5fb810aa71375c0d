-- Scores of all rendered frames of a split together, against its true frames; measured where weights are given.
-- grain: one metric of one method and kind of audio
-- key: dataset, method, audio, metric, evaluator
-- units: metric_definitions gives each metric's unit and which direction is better
create view set_metrics as
with

versions as (
    select
        set_metrics_history.dataset, set_metrics_history.method, set_metrics_history.audio,
        set_metrics_history.metric, set_metrics_history.value, set_metrics_history.num_frames,
        set_metrics_history.num_true_frames, set_metrics_history.num_clips, set_metrics_history.evaluator,
        set_metrics_history.detail
    from set_metrics_history
    where set_metrics_history.is_current
)

select
    versions.dataset,  -- name of the dataset, as in cals.yaml
    versions.method,  -- method that generated the frames; ground_truth and copy_reference are controls
    versions.audio,  -- audio that the method was given: own, or another test clip's (other)
    versions.metric,  -- name of the metric (metric_definitions)
    versions.value,  -- the score; null where it could not be computed, and then detail says why
    versions.num_frames,  -- frames that the method generated, of those in which the clip's face is detected
    versions.num_true_frames,  -- true frames of the split that they are compared with
    versions.num_clips,  -- clips that the method's frames are from
    versions.evaluator,  -- network that the score depends on, with its weights file and digest
    versions.detail  -- why value is null, or what qualifies it
from versions
