-- Scores of all rendered frames of a split together, against its true frames; measured where weights are given.
-- grain: one metric of one method and kind of audio
-- key: dataset, method, audio, metric, evaluator
-- units: metric_definitions gives each metric's unit and which direction is better
create table set_metrics (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames; ground_truth and copy_reference are controls
    audio varchar not null,  -- audio that the method was given: own, or another test clip's (other)
    metric varchar not null,  -- name of the metric (metric_definitions)
    value double,  -- the score; null where it could not be computed, and then detail says why
    num_frames bigint not null,  -- frames that the method generated, of those in which the clip's face is detected
    num_true_frames bigint not null,  -- true frames of the split that they are compared with
    num_clips bigint not null,  -- clips that the method's frames are from
    evaluator varchar not null,  -- network that the score depends on, with its weights file and digest
    detail varchar  -- why value is null, or what qualifies it
)
