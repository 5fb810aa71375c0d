-- Figure 3: landmark distance of the middle frame against the audio window, measured, with the paper's best windows.
-- grain: one corpus, source, method and window
-- key: corpus, source, method, window_frames
-- units: lmd in crop pixels, lower is better; window in video frames at 25 fps on each side of the middle frame
create view figure_3 as
with

windows as (
    select context_window.dataset, context_window.method, context_window.window_frames, context_window.lmd
    from context_window
),

published as (
    select
        published_metrics.corpus, published_metrics.method, published_metrics.window_frames,
        published_metrics.value
    from published_metrics
    where published_metrics.paper_table = 'figure_3'
),

points as (
    select
        windows.dataset as corpus, 'measured' as source, windows.method, windows.window_frames,
        avg(windows.lmd) as lmd, count(windows.lmd) as num_clips
    from windows
    group by windows.dataset, windows.method, windows.window_frames
    union all
    select
        published.corpus, 'published' as source, published.method, published.window_frames,
        published.value as lmd, null as num_clips
    from published
)

select
    points.corpus,  -- measured: name of the dataset; published: lrw or lrs2
    points.source,  -- measured (by this pipeline) or published (the paper's best window only)
    points.method,  -- method that made the pictures
    points.window_frames,  -- video frames of audio heard on each side of the middle frame
    points.lmd,  -- mean landmark distance of the middle frame; lower is better
    points.num_clips  -- clips with a value; null for published points
from points
order by points.corpus, points.source, points.method, points.window_frames
