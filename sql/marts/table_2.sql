-- Table 2: mean opinion scores of human raters, measured beside the paper's.
-- grain: one method on one dataset, measured or published
-- key: source, dataset, method
-- units: scores from 1 (bad) to 5 (excellent), higher is better; half widths of 95 % intervals on the same scale
create view table_2 as
with

ratings as (
    select mos_ratings.dataset, mos_ratings.method, mos_ratings.scale, mos_ratings.rating
    from mos_ratings
    where not coalesce(mos_ratings.screened_out, false)
),

published as (
    select
        published_metrics.method, published_metrics.metric, published_metrics.value,
        published_metrics.half_width
    from published_metrics
    where published_metrics.paper_table = 'table_2'
),

names as (
    select method_definitions.method, method_definitions.label, method_definitions.position
    from method_definitions
),

quantiles as (
    select student_t.degrees_of_freedom, student_t.quantile_975
    from student_t
),

means as (
    select
        ratings.dataset, ratings.method, ratings.scale, avg(ratings.rating) as mean,
        stddev_samp(ratings.rating) / sqrt(count(ratings.rating)) as standard_error,
        count(ratings.rating) as num_ratings
    from ratings
    group by ratings.dataset, ratings.method, ratings.scale
),

estimates as (
    select
        'measured' as source, means.dataset, means.method, means.scale, means.mean,
        quantiles.quantile_975 * means.standard_error as half_width, means.num_ratings
    from means
    left join quantiles on quantiles.degrees_of_freedom = least(means.num_ratings - 1, 1000)
    union all
    select
        'published' as source, null as dataset, published.method, published.metric as scale,
        published.value as mean, published.half_width, null as num_ratings
    from published
),

scores as (
    select
        estimates.source, estimates.dataset, estimates.method,
        max(estimates.mean) filter (where estimates.scale = 'visual_quality') as visual_quality,
        max(estimates.half_width) filter (where estimates.scale = 'visual_quality') as visual_quality_half_width,
        max(estimates.mean) filter (where estimates.scale = 'lip_sync_quality') as lip_sync_quality,
        max(estimates.half_width) filter (where estimates.scale = 'lip_sync_quality') as lip_sync_quality_half_width,
        max(estimates.mean) filter (where estimates.scale = 'realness') as realness,
        max(estimates.half_width) filter (where estimates.scale = 'realness') as realness_half_width,
        sum(estimates.num_ratings) as num_ratings
    from estimates
    group by estimates.source, estimates.dataset, estimates.method
)

select
    scores.source,  -- measured (in a study with this pipeline) or published (in the paper)
    scores.dataset,  -- name of the dataset, as in cals.yaml; null for published rows
    scores.method,  -- method that generated the videos
    coalesce(names.label, scores.method) as label,  -- how tables print the method
    scores.visual_quality,  -- mean score of visual quality, 1-5; higher is better
    scores.visual_quality_half_width,  -- half of its 95 % interval (Student's t); null with one rating
    scores.lip_sync_quality,  -- mean score of lip-sync quality, 1-5; higher is better
    scores.lip_sync_quality_half_width,  -- half of its 95 % interval (Student's t); null with one rating
    scores.realness,  -- mean score of realness, 1-5; higher is better
    scores.realness_half_width,  -- half of its 95 % interval (Student's t); null with one rating
    cast(scores.num_ratings as bigint) as num_ratings  -- answers behind the three means; null for published rows
from scores
left join names on scores.method = names.method
order by scores.source, scores.dataset, names.position nulls last, scores.method
