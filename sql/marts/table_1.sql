-- Table 1: the ablation, from the baseline to the proposed method, measured scores beside the paper's.
-- grain: one method on one corpus, measured (by evaluator of LSE) or published
-- key: corpus, source, method, evaluator
-- units: psnr in dB (higher is better), ssim 0-1 (higher), lmd in crop pixels (lower), lse_d (lower), lse_c (higher)
create view table_1 as
with

scores as (
    select
        reported_scores.paper_table, reported_scores.corpus, reported_scores.source, reported_scores.method,
        reported_scores.position, reported_scores.psnr, reported_scores.ssim, reported_scores.lmd,
        reported_scores.lse_d, reported_scores.lse_c, reported_scores.num_clips, reported_scores.dataset,
        reported_scores.evaluator, reported_scores.note, reported_scores.draws, reported_scores.differs,
        reported_scores.is_optional
    from reported_scores
),

-- The steps of the ablation are the methods that the paper prints in its Table 1; methods that a dataset opted into stand
-- beside them.
steps as (
    select distinct scores.method
    from scores
    where scores.paper_table = 'table_1' or scores.is_optional
)

select
    scores.corpus,  -- measured: name of the dataset; published: lrw, lrs2 or hdtf
    scores.source,  -- measured (by this pipeline) or published (in the paper)
    scores.method,  -- method that generated the frames
    coalesce(
        case scores.method
        when 'wav2lip' then 'baseline'
        when 'a2l' then '+ A2L'
        when 'a2l_dav' then '+ d_av'
        when 'cals' then '+ d_vv'
    end, scores.method) as label,  -- what the step adds to the one before
    scores.psnr,  -- PSNR of the whole crop in dB; higher is better; null for the ground truth
    scores.ssim,  -- SSIM of the whole crop; higher is better
    scores.lmd,  -- landmark distance of the mouth in crop pixels; lower is better
    scores.lse_d,  -- lip-sync error distance; lower is better; compares within one evaluator only
    scores.lse_c,  -- lip-sync error confidence; higher is better; compares within one evaluator only
    scores.num_clips,  -- test clips scored; null for published rows
    scores.dataset,  -- name of the dataset, as in cals.yaml; null for published rows
    scores.evaluator,  -- network behind LSE-D and LSE-C; null for published rows
    scores.note,  -- why a value is null, or where a published row is printed
    scores.draws,  -- lower_half or whole_crop, what the model generates: psnr and ssim compare within one of the two
    scores.differs  -- what differs from the published system of that name; null where nothing does
from scores
inner join steps on scores.method = steps.method
where scores.source = 'measured' or scores.paper_table = 'table_1'
order by scores.corpus, scores.source, scores.position nulls last, scores.method
