-- Published scores of Tables 1 and 3, one row a method and corpus.
-- grain: one table of the paper, corpus and method
-- key: paper_table, corpus, method
-- units: psnr in dB (higher is better), ssim 0-1 (higher), lmd in pixels (lower), lse_d (lower), lse_c (higher)
create view published_scores as
with

scores as (
    select
        published_metrics.paper_table, published_metrics.corpus, published_metrics.method,
        published_metrics.metric, published_metrics.value, published_metrics.source
    from published_metrics
    where published_metrics.paper_table in ('table_1', 'table_3')
)

select
    scores.paper_table,  -- table_1 or table_3
    scores.corpus,  -- lrw, lrs2 or hdtf
    scores.method,  -- method, named as in this project
    max(scores.value) filter (where scores.metric = 'psnr') as psnr,  -- PSNR in dB; higher is better
    max(scores.value) filter (where scores.metric = 'ssim') as ssim,  -- SSIM; higher is better
    max(scores.value) filter (where scores.metric = 'lmd') as lmd,  -- landmark distance; lower is better
    max(scores.value) filter (where scores.metric = 'lse_d') as lse_d,  -- LSE-D; lower is better
    max(scores.value) filter (where scores.metric = 'lse_c') as lse_c,  -- LSE-C; higher is better
    any_value(scores.source) as printed_in  -- where the scores are printed
from scores
group by scores.paper_table, scores.corpus, scores.method
