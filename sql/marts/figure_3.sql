-- Figure 3: landmark distance of the middle frame against the audio window, measured, with bootstrap 95 % intervals
-- over clips, and the paper's best windows.
-- grain: one corpus, source, method and window
-- key: corpus, source, method, window_frames
-- units: lmd in crop pixels, lower is better; window in video frames at 25 fps on each side of the middle frame
create view figure_3 as
with

windows as (
    select context_window.dataset, context_window.method, context_window.window_frames, context_window.lmd
    from context_window
),

intervals as (
    select
        bootstrap_intervals.dataset, bootstrap_intervals.method, bootstrap_intervals.frames,
        bootstrap_intervals.low, bootstrap_intervals.high
    from bootstrap_intervals
    where bootstrap_intervals.quantity = 'lmd_by_window'
),

published as (
    select
        published_metrics.corpus, published_metrics.method, published_metrics.window_frames,
        published_metrics.value
    from published_metrics
    where published_metrics.paper_table = 'figure_3'
),

means as (
    select
        windows.dataset, windows.method, windows.window_frames,
        avg(windows.lmd) as lmd, count(windows.lmd) as num_clips
    from windows
    group by windows.dataset, windows.method, windows.window_frames
),

points as (
    select
        means.dataset as corpus, 'measured' as source, means.method, means.window_frames, means.lmd,
        intervals.low, intervals.high, means.num_clips
    from means
    left join intervals
        on means.dataset = intervals.dataset
        and means.method = intervals.method
        and means.window_frames = intervals.frames
    union all
    select
        published.corpus, 'published' as source, published.method, published.window_frames,
        published.value as lmd, null as low, null as high, null as num_clips
    from published
)

select
    points.corpus,  -- measured: name of the dataset; published: lrw or lrs2
    points.source,  -- measured (by this pipeline) or published (the paper's best window only)
    points.method,  -- method that generated the frames
    points.window_frames,  -- video frames of audio given on each side of the middle frame
    points.lmd,  -- mean landmark distance of the middle frame; lower is better
    points.low,  -- lower end of its 95 % bootstrap interval; null for published points and with fewer than 2 clips
    points.high,  -- upper end of its 95 % bootstrap interval; null for published points and with fewer than 2 clips
    points.num_clips  -- clips with a value; null for published points
from points
order by points.corpus, points.source, points.method, points.window_frames
