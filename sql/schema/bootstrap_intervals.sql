-- 95 % bootstrap intervals over clips, computed once when the file is published (2,000 resamples, fixed seed).
-- Ask metric_summary, method_differences and wrong_audio_margin, which show them beside the means.
-- grain: one mean over clips
-- key: quantity, dataset, method, other_method, audio, protocol, metric, evaluator
-- units: those of the metric
create table bootstrap_intervals (
    quantity varchar not null,  -- mean, method_difference (method minus other) or wrong_audio_margin (own better than other)
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that made the pictures
    other_method varchar,  -- method that is subtracted; null unless quantity is method_difference
    audio varchar,  -- own or other; null where quantity is wrong_audio_margin, which compares the two
    protocol varchar not null,  -- protocol of the metric
    metric varchar not null,  -- metric
    evaluator varchar,  -- network, detector or library that the score depends on
    num_clips bigint not null,  -- clips that have the figure (on both sides of a difference)
    low double,  -- 2.5th percentile of the resampled means; null with fewer than 2 clips
    high double,  -- 97.5th percentile of the resampled means; null with fewer than 2 clips
    p_value double  -- paired sign-flip test that the mean is 0, two-sided; null where quantity is mean
)
