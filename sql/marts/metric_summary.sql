-- Mean of each metric over the test clips, with a bootstrap 95 % interval over clips.
-- grain: one dataset, method, audio, protocol, metric and evaluator
-- key: dataset, method, audio, protocol, metric, evaluator
-- units: column unit; column better says which direction is better
create view metric_summary as
with

scores as (
    select
        clip_metrics.dataset, clip_metrics.method, clip_metrics.audio, clip_metrics.protocol,
        clip_metrics.metric, clip_metrics.evaluator, clip_metrics.value, clip_metrics.detail
    from clip_metrics
),

intervals as (
    select
        bootstrap_intervals.dataset, bootstrap_intervals.method, bootstrap_intervals.audio,
        bootstrap_intervals.protocol, bootstrap_intervals.metric, bootstrap_intervals.evaluator,
        bootstrap_intervals.low, bootstrap_intervals.high
    from bootstrap_intervals
    where bootstrap_intervals.quantity = 'mean'
),

definitions as (
    select metric_definitions.metric, metric_definitions.unit, metric_definitions.better
    from metric_definitions
),

means as (
    select
        scores.dataset, scores.method, scores.audio, scores.protocol, scores.metric, scores.evaluator,
        avg(scores.value) as mean,
        median(scores.value) as median,
        count(scores.value) as num_clips,
        count(*) - count(scores.value) as num_missing,
        mode(scores.detail) filter (where scores.value is null) as why_missing
    from scores
    group by scores.dataset, scores.method, scores.audio, scores.protocol, scores.metric, scores.evaluator
)

select
    means.dataset,  -- name of the dataset, as in cals.yaml
    means.method,  -- method that generated the frames
    means.audio,  -- own: the clip's audio; other: another test clip's (the wrong-audio control)
    means.protocol,  -- protocol of the metric; values of different protocols are not comparable
    means.metric,  -- metric (metric_definitions)
    means.evaluator,  -- network, detector or library that the score depends on
    means.mean,  -- unweighted mean over clips; null where no clip has a value
    intervals.low,  -- lower end of the 95 % bootstrap interval of the mean
    intervals.high,  -- upper end of the 95 % bootstrap interval of the mean
    means.median,  -- median over clips
    means.num_clips,  -- clips with a value
    means.num_missing,  -- clips without one
    means.why_missing,  -- most frequent reason why a value is missing; null where none is
    definitions.unit,  -- unit of the values; 1 where they have none
    definitions.better  -- higher or lower
from means
left join intervals
    on means.dataset = intervals.dataset
    and means.method = intervals.method
    and means.audio = intervals.audio
    and means.protocol = intervals.protocol
    and means.metric = intervals.metric
    and means.evaluator is not distinct from intervals.evaluator
left join definitions on means.metric = definitions.metric
order by means.dataset, means.protocol desc, means.metric, means.audio desc, means.method
