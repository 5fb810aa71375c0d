-- Paired differences between two methods on the same clips, each with its own audio.
-- grain: one dataset, protocol, metric, evaluator and ordered pair of methods
-- key: dataset, method, other_method, protocol, metric, evaluator
-- units: those of the metric; is_better accounts for the metric's direction
create view method_differences as
with

scores as (
    select
        clip_metrics.dataset, clip_metrics.method, clip_metrics.clip_id, clip_metrics.protocol,
        clip_metrics.metric, clip_metrics.evaluator, clip_metrics.value
    from clip_metrics
    where clip_metrics.audio = 'own' and clip_metrics.value is not null
),

intervals as (
    select
        bootstrap_intervals.dataset, bootstrap_intervals.method, bootstrap_intervals.other_method,
        bootstrap_intervals.protocol, bootstrap_intervals.metric, bootstrap_intervals.evaluator,
        bootstrap_intervals.low, bootstrap_intervals.high, bootstrap_intervals.p_value,
        bootstrap_intervals.direction
    from bootstrap_intervals
    where bootstrap_intervals.quantity = 'method_difference'
),

definitions as (
    select metric_definitions.metric, metric_definitions.better
    from metric_definitions
),

differences as (
    select
        scores.dataset, scores.method, others.method as other_method, scores.protocol, scores.metric,
        scores.evaluator,
        avg(scores.value - others.value) as mean_difference,
        count(*) as num_clips
    from scores
    inner join scores as others
        on scores.dataset = others.dataset
        and scores.clip_id = others.clip_id
        and scores.protocol = others.protocol
        and scores.metric = others.metric
        and scores.evaluator is not distinct from others.evaluator
        and scores.method <> others.method
    group by
        scores.dataset, scores.method, others.method, scores.protocol, scores.metric, scores.evaluator
)

select
    differences.dataset,  -- name of the dataset, as in cals.yaml
    differences.method,  -- method whose values are taken
    differences.other_method,  -- method whose values are subtracted
    differences.protocol,  -- protocol of the metric
    differences.metric,  -- metric (metric_definitions)
    differences.evaluator,  -- network, detector or library that the score depends on
    differences.mean_difference,  -- mean over clips of method minus other_method
    intervals.low,  -- lower end of the 95 % bootstrap interval of that mean
    intervals.high,  -- upper end of the 95 % bootstrap interval of that mean
    intervals.p_value,  -- paired sign-flip test that the mean is 0, two-sided
    differences.num_clips,  -- clips that both methods have a value for
    definitions.better,  -- direction in which the metric is better: higher or lower
    case
        when intervals.direction = 0 then null
        when definitions.better = 'higher' then intervals.direction = 1
        when definitions.better = 'lower' then intervals.direction = -1
    end as is_better  -- whether method is better than other_method; null unless the interval leaves 0 out and p_value is below 0.05
from differences
left join intervals
    on differences.dataset = intervals.dataset
    and differences.method = intervals.method
    and differences.other_method = intervals.other_method
    and differences.protocol = intervals.protocol
    and differences.metric = intervals.metric
    and differences.evaluator is not distinct from intervals.evaluator
left join definitions on differences.metric = definitions.metric
order by
    differences.dataset, differences.protocol desc, differences.metric, differences.method,
    differences.other_method
