-- How much better a method scores with the clip's own audio than with another clip's: does the mouth follow the audio?
-- A method is given another clip's audio and judged against the clip's own frames and audio; the controls, which use no
-- audio, keep their frames and are judged against another clip's audio. Where is_better is null,
-- the metric does not show that the mouth follows the audio. Protocol opening, which judges a render with other audio
-- against the recording of that audio, has no margin.
-- grain: one dataset, method, protocol, metric and evaluator
-- key: dataset, method, protocol, metric, evaluator
-- units: those of the metric; margins are signed so that higher is better for every metric
create view wrong_audio_margin as
with

scores as (
    select
        clip_metrics.dataset, clip_metrics.method, clip_metrics.clip_id, clip_metrics.audio,
        clip_metrics.protocol, clip_metrics.metric, clip_metrics.evaluator, clip_metrics.value
    from clip_metrics
    where clip_metrics.value is not null and clip_metrics.protocol <> 'opening'
),

intervals as (
    select
        bootstrap_intervals.dataset, bootstrap_intervals.method, bootstrap_intervals.protocol,
        bootstrap_intervals.metric, bootstrap_intervals.evaluator, bootstrap_intervals.low,
        bootstrap_intervals.high, bootstrap_intervals.p_value, bootstrap_intervals.direction
    from bootstrap_intervals
    where bootstrap_intervals.quantity = 'wrong_audio_margin'
),

definitions as (
    select
        metric_definitions.metric, metric_definitions.unit,
        case when metric_definitions.better = 'higher' then 1 else -1 end as sign
    from metric_definitions
),

pairs as (
    select
        own.dataset, own.method, own.protocol, own.metric, own.evaluator,
        avg(own.value) as own_mean,
        avg(wrong.value) as other_mean,
        count(*) as num_clips
    from scores as own
    inner join scores as wrong
        on own.dataset = wrong.dataset
        and own.method = wrong.method
        and own.clip_id = wrong.clip_id
        and own.protocol = wrong.protocol
        and own.metric = wrong.metric
        and own.evaluator is not distinct from wrong.evaluator
    where own.audio = 'own' and wrong.audio = 'other'
    group by own.dataset, own.method, own.protocol, own.metric, own.evaluator
)

select
    pairs.dataset,  -- name of the dataset, as in cals.yaml
    pairs.method,  -- method that generated the frames
    pairs.protocol,  -- protocol of the metric
    pairs.metric,  -- metric (metric_definitions)
    pairs.evaluator,  -- network, detector or library that the score depends on
    pairs.own_mean,  -- mean with the clip's own audio
    pairs.other_mean,  -- mean with another clip's audio, over the same clips
    definitions.sign * (pairs.own_mean - pairs.other_mean) as margin,  -- gain from the right audio; higher is better
    intervals.low,  -- lower end of the margin's 95 % bootstrap interval
    intervals.high,  -- upper end of the margin's 95 % bootstrap interval
    intervals.p_value,  -- paired sign-flip test that the margin is 0, two-sided
    case when intervals.direction <> 0 then intervals.direction = 1 end as is_better,  -- whether the right audio is better; null unless the interval leaves 0 out and p_value is below 0.05
    pairs.num_clips,  -- clips scored with both
    definitions.unit  -- unit of the values; 1 where they have none
from pairs
left join definitions on pairs.metric = definitions.metric
left join intervals
    on pairs.dataset = intervals.dataset
    and pairs.method = intervals.method
    and pairs.protocol = intervals.protocol
    and pairs.metric = intervals.metric
    and pairs.evaluator is not distinct from intervals.evaluator
order by pairs.dataset, pairs.protocol desc, pairs.metric, pairs.method
