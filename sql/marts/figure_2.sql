-- Figure 2: how far context complements missing audio. Landmark distance of frames whose audio is masked, with
-- bootstrap 95 % intervals over clips.
-- grain: one dataset, method and mask length
-- key: dataset, method, mask_frames
-- units: distances in crop pixels, lower is better; mask length in video frames at 25 fps
create view figure_2 as
with

masked as (
    select
        masked_audio.dataset, masked_audio.method, masked_audio.mask_frames, masked_audio.lmd_masked,
        masked_audio.lmd_unmasked
    from masked_audio
),

intervals as (
    select
        bootstrap_intervals.quantity, bootstrap_intervals.dataset, bootstrap_intervals.method,
        bootstrap_intervals.frames, bootstrap_intervals.low, bootstrap_intervals.high
    from bootstrap_intervals
    where bootstrap_intervals.quantity in ('lmd_masked', 'lmd_unmasked')
),

means as (
    select
        masked.dataset, masked.method, masked.mask_frames,
        avg(masked.lmd_masked) as lmd_masked,
        avg(masked.lmd_unmasked) as lmd_unmasked,
        count(masked.lmd_masked) as num_clips,
        count(*) - count(masked.lmd_masked) as num_missing
    from masked
    group by masked.dataset, masked.method, masked.mask_frames
)

select
    means.dataset,  -- name of the dataset, as in cals.yaml
    means.method,  -- method that generated the frames
    means.mask_frames,  -- video frames in a row whose audio is masked
    means.lmd_masked,  -- mean landmark distance of the masked frames; lower is better
    masked_interval.low as lmd_masked_low,  -- lower end of its 95 % bootstrap interval; null with fewer than 2 clips
    masked_interval.high as lmd_masked_high,  -- upper end of its 95 % bootstrap interval; null with fewer than 2 clips
    means.lmd_unmasked,  -- the same frames with all audio; lower is better
    unmasked_interval.low as lmd_unmasked_low,  -- lower end of its 95 % bootstrap interval; null with fewer than 2 clips
    unmasked_interval.high as lmd_unmasked_high,  -- upper end of its 95 % bootstrap interval; null with fewer than 2 clips
    means.num_clips,  -- clips with a value
    means.num_missing  -- clips without one
from means
left join intervals as masked_interval
    on masked_interval.quantity = 'lmd_masked'
    and means.dataset = masked_interval.dataset
    and means.method = masked_interval.method
    and means.mask_frames = masked_interval.frames
left join intervals as unmasked_interval
    on unmasked_interval.quantity = 'lmd_unmasked'
    and means.dataset = unmasked_interval.dataset
    and means.method = unmasked_interval.method
    and means.mask_frames = unmasked_interval.frames
order by means.dataset, means.method, means.mask_frames
