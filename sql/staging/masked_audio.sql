-- Landmark distance of frames whose audio was masked out, by the length of the mask (Figure 2).
-- grain: one clip by one method with one mask length
-- key: dataset, method, clip_id, mask_frames
create view masked_audio as
with

versions as (
    select
        masked_audio_history.dataset, masked_audio_history.method, masked_audio_history.clip_id,
        masked_audio_history.mask_frames, masked_audio_history.lmd_masked, masked_audio_history.lmd_unmasked,
        masked_audio_history.detail
    from masked_audio_history
    where masked_audio_history.is_current
)

select
    versions.dataset,  -- name of the dataset, as in cals.yaml
    versions.method,  -- method that generated the frames
    versions.clip_id,  -- dataset/split/relative path, with #segment where a long video was cut
    versions.mask_frames,  -- video frames in a row whose audio was masked, at 25 fps
    versions.lmd_masked,  -- landmark distance of the masked frames in crop pixels; lower is better
    versions.lmd_unmasked,  -- landmark distance of the same frames with all audio in crop pixels; lower is better
    versions.detail  -- why a distance is null
from versions
