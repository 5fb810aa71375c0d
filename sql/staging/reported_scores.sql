-- Scores of the paper's five metrics, measured and published, as Tables 1 and 3 choose from them.
-- grain: one method on one corpus, measured (by evaluator of LSE) or published in one table
-- key: paper_table, corpus, source, method, evaluator
-- units: psnr in dB (higher is better), ssim 0-1 (higher), lmd in crop pixels (lower), lse_d (lower), lse_c (higher)
create view reported_scores as
with

measured as (
    select
        headline_scores.dataset, headline_scores.method, headline_scores.evaluator, headline_scores.psnr,
        headline_scores.ssim, headline_scores.lmd, headline_scores.lse_d, headline_scores.lse_c,
        headline_scores.num_clips, headline_scores.note
    from headline_scores
),

published as (
    select
        published_scores.paper_table, published_scores.corpus, published_scores.method, published_scores.psnr,
        published_scores.ssim, published_scores.lmd, published_scores.lse_d, published_scores.lse_c,
        published_scores.printed_in
    from published_scores
),

names as (
    select
        method_definitions.method, method_definitions.label, method_definitions.position,
        method_definitions.draws, method_definitions.differs, method_definitions.is_optional
    from method_definitions
),

scores as (
    select
        null as paper_table, measured.dataset as corpus, measured.dataset, 'measured' as source,
        measured.method, measured.psnr, measured.ssim, measured.lmd, measured.lse_d, measured.lse_c,
        measured.num_clips, measured.evaluator, measured.note
    from measured
    union all
    select
        published.paper_table, published.corpus, null as dataset, 'published' as source, published.method,
        published.psnr, published.ssim, published.lmd, published.lse_d, published.lse_c, null as num_clips,
        null as evaluator, published.printed_in as note
    from published
)

select
    scores.paper_table,  -- table_1 or table_3 of the paper; null for measured rows
    scores.corpus,  -- measured: name of the dataset; published: lrw, lrs2 or hdtf
    scores.source,  -- measured (by this pipeline) or published (in the paper)
    scores.method,  -- method that generated the frames
    coalesce(names.label, scores.method) as label,  -- how tables print the method
    names.position,  -- order of the method in tables; null for methods without a definition
    scores.psnr,  -- PSNR of the whole crop in dB; higher is better; null for the ground truth
    scores.ssim,  -- SSIM of the whole crop; higher is better
    scores.lmd,  -- landmark distance of the mouth in crop pixels; lower is better
    scores.lse_d,  -- lip-sync error distance; lower is better; compares within one evaluator only
    scores.lse_c,  -- lip-sync error confidence; higher is better; compares within one evaluator only
    scores.num_clips,  -- test clips scored; null for published rows
    scores.dataset,  -- name of the dataset, as in cals.yaml; null for published rows
    scores.evaluator,  -- network behind LSE-D and LSE-C; null for published rows
    scores.note,  -- why a value is null, or where a published row is printed
    case when scores.source = 'measured' then names.draws end as draws,  -- lower_half or whole_crop, what the model generates: psnr and ssim compare within one of the two
    case when scores.source = 'measured' then names.differs end as differs,  -- what differs from the published system of that name; null where nothing does
    coalesce(names.is_optional, false) as is_optional  -- whether a dataset must list the method
from scores
left join names on scores.method = names.method
