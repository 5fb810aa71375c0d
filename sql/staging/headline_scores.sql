-- The five metrics of the paper's Tables 1 and 3 as measured by this pipeline: own audio, protocol primary for PSNR, SSIM
-- and LMD, lse_crop for LSE-D and LSE-C.
-- grain: one dataset, method and evaluator of LSE
-- key: dataset, method, evaluator
-- units: psnr in dB (higher is better), ssim 0-1 (higher), lmd in crop pixels (lower), lse_d (lower), lse_c (higher)
create view headline_scores as
with

summary as (
    select
        metric_summary.dataset, metric_summary.method, metric_summary.protocol, metric_summary.metric,
        metric_summary.evaluator, metric_summary.mean, metric_summary.num_clips, metric_summary.num_missing,
        metric_summary.why_missing
    from metric_summary
    where metric_summary.audio = 'own'
),

fidelity as (
    select
        summary.dataset, summary.method,
        max(summary.mean) filter (where summary.metric = 'psnr') as psnr,
        max(summary.mean) filter (where summary.metric = 'ssim') as ssim,
        max(summary.mean) filter (where summary.metric = 'lmd') as lmd,
        max(summary.num_clips + summary.num_missing) as num_clips,
        string_agg(summary.metric || ': ' || summary.why_missing, '; ' order by summary.metric)
            filter (where summary.mean is null) as note
    from summary
    where summary.protocol = 'primary' and summary.metric in ('psnr', 'ssim', 'lmd')
    group by summary.dataset, summary.method
),

sync as (
    select
        summary.dataset, summary.method, summary.evaluator,
        max(summary.mean) filter (where summary.metric = 'lse_d') as lse_d,
        max(summary.mean) filter (where summary.metric = 'lse_c') as lse_c,
        max(summary.num_clips + summary.num_missing) as num_clips,
        string_agg(summary.metric || ': ' || summary.why_missing, '; ' order by summary.metric)
            filter (where summary.mean is null) as note
    from summary
    where summary.protocol = 'lse_crop' and summary.metric in ('lse_d', 'lse_c')
    group by summary.dataset, summary.method, summary.evaluator
)

select
    coalesce(fidelity.dataset, sync.dataset) as dataset,  -- name of the dataset, as in cals.yaml
    coalesce(fidelity.method, sync.method) as method,  -- method that generated the frames
    sync.evaluator,  -- network that LSE-D and LSE-C depend on; null where they were not measured
    fidelity.psnr,  -- mean PSNR of the whole crop in dB; higher is better
    fidelity.ssim,  -- mean SSIM of the whole crop; higher is better
    fidelity.lmd,  -- mean landmark distance of the mouth in crop pixels; lower is better
    sync.lse_d,  -- mean lip-sync error distance; lower is better
    sync.lse_c,  -- mean lip-sync error confidence; higher is better
    coalesce(fidelity.num_clips, sync.num_clips) as num_clips,  -- test clips scored
    nullif(concat_ws('; ', fidelity.note, sync.note), '') as note  -- why a value is null
from fidelity
full join sync on fidelity.dataset = sync.dataset and fidelity.method = sync.method
