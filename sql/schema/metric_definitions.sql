-- What each metric means, its unit and which direction is better.
-- grain: one metric
-- key: metric
create table metric_definitions (
    metric varchar not null,  -- name of the metric in clip_metrics, set_metrics and published_metrics
    label varchar not null,  -- how tables print it
    unit varchar not null,  -- unit of its values; 1 where it has none
    better varchar not null,  -- higher or lower
    position integer not null,  -- order in tables
    decimals integer not null,  -- digits after the point that tables print
    description varchar not null  -- what it measures
)
