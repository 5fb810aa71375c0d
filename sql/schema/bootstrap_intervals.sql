-- 95 % bootstrap intervals over clips, computed once when the file is published (2,000 resamples, fixed seed).
-- metric_summary, method_differences, wrong_audio_margin, figure_2 and figure_3 show them beside the means.
-- grain: one mean over clips
-- key: quantity, dataset, method, other_method, audio, protocol, metric, evaluator, frames
-- units: those of the metric
create table bootstrap_intervals (
    quantity varchar not null,  -- mean, method_difference (method minus other), wrong_audio_margin (own better than other), lmd_masked, lmd_unmasked, lmd_by_window
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames
    other_method varchar,  -- method that is subtracted; null unless quantity is method_difference
    audio varchar,  -- own or other; null where quantity is wrong_audio_margin, which compares the two
    protocol varchar not null,  -- protocol of the metric
    metric varchar not null,  -- metric
    evaluator varchar,  -- network, detector or library that the score depends on
    frames integer,  -- video frames of the mask (lmd_masked, lmd_unmasked) or of the window (lmd_by_window); else null
    num_clips bigint not null,  -- clips that have a value (on both sides of a difference)
    low double,  -- 2.5th percentile of the resampled means; null with fewer than 2 clips
    high double,  -- 97.5th percentile of the resampled means; null with fewer than 2 clips
    p_value double,  -- paired sign-flip test that the mean is 0, two-sided; null where quantity is no difference
    direction integer  -- 1 or -1 where the interval leaves 0 out and p_value is below 0.05: the mean is above or below 0; 0 where that is not shown; null where there is no interval or quantity is no difference
)
