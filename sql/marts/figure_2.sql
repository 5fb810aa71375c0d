-- Figure 2: how far context complements missing audio. Landmark distance of frames whose audio is masked.
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
)

select
    masked.dataset,  -- name of the dataset, as in cals.yaml
    masked.method,  -- method that made the pictures
    masked.mask_frames,  -- video frames in a row whose audio is masked
    avg(masked.lmd_masked) as lmd_masked,  -- mean landmark distance of the masked frames; lower is better
    avg(masked.lmd_unmasked) as lmd_unmasked,  -- the same frames with all audio; lower is better
    count(masked.lmd_masked) as num_clips,  -- clips with a value
    count(*) - count(masked.lmd_masked) as num_missing  -- clips without one
from masked
group by masked.dataset, masked.method, masked.mask_frames
order by masked.dataset, masked.method, masked.mask_frames
