-- Published figures of tables 1 and 3, one row a method and corpus.
-- grain: one table of the paper, corpus and method
-- key: paper_table, corpus, method
-- units: psnr in dB (higher is better), ssim 0-1 (higher), lmd in pixels (lower), lse_d (lower), lse_c (higher)
create view published_scores as
with

figures as (
    select
        published_metrics.paper_table, published_metrics.corpus, published_metrics.method,
        published_metrics.metric, published_metrics.value, published_metrics.source
    from published_metrics
    where published_metrics.paper_table in ('table_1', 'table_3')
)

select
    figures.paper_table,  -- table_1 or table_3
    figures.corpus,  -- lrw, lrs2 or hdtf
    figures.method,  -- method, named as in this project
    max(figures.value) filter (where figures.metric = 'psnr') as psnr,  -- PSNR in dB; higher is better
    max(figures.value) filter (where figures.metric = 'ssim') as ssim,  -- SSIM; higher is better
    max(figures.value) filter (where figures.metric = 'lmd') as lmd,  -- landmark distance; lower is better
    max(figures.value) filter (where figures.metric = 'lse_d') as lse_d,  -- LSE-D; lower is better
    max(figures.value) filter (where figures.metric = 'lse_c') as lse_c,  -- LSE-C; higher is better
    any_value(figures.source) as printed_in  -- where the figures are printed
from figures
group by figures.paper_table, figures.corpus, figures.method
