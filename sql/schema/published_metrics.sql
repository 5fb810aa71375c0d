-- Values that the paper reports, for comparison with measured ones.
-- grain: one value
-- key: paper_table, corpus, method, metric, window_frames
-- units: metric_definitions gives each metric's unit and which direction is better
create table published_metrics (
    paper_table varchar not null,  -- table_1, table_2, table_3 or figure_3 of the paper
    corpus varchar,  -- lrw, lrs2 or hdtf; null for the rating study, which mixes them
    method varchar not null,  -- method, named as in this project
    metric varchar not null,  -- psnr, ssim, lmd, lse_d, lse_c or a rating scale
    value double,  -- null where the paper prints N/A
    half_width double,  -- half of the 95 % confidence interval, where the paper gives one
    window_frames integer,  -- audio window of Figure 3 in video frames on each side; null elsewhere
    source varchar not null  -- where the value is printed
)
