-- Landmark distance of frames whose audio was masked out, by the length of the mask (Figure 2).
-- grain: one clip by one method with one mask length
-- key: dataset, method, clip_id, mask_frames
create table masked_audio (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    mask_frames integer not null,  -- video frames in a row whose audio was masked, at 25 fps
    lmd_masked double,  -- landmark distance of the masked frames in crop pixels; lower is better
    lmd_unmasked double,  -- landmark distance of the same frames with all audio in crop pixels; lower is better
    detail varchar  -- why a distance is null
)
