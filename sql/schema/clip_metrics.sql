-- Scores of rendered test clips.
-- grain: one metric of one clip by one method, audio and protocol
-- key: dataset, method, clip_id, audio, protocol, metric, evaluator
-- units: metric_definitions gives each metric's unit and which direction is better
create table clip_metrics (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that made the pictures; ground_truth and copy_reference are controls
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    audio varchar not null,  -- audio that the method was given: own, or another test clip's (other: the wrong-audio control)
    protocol varchar not null,  -- primary, atvgnet, lse_crop, lse_crop_dubbed (against the sound heard), lse_real, ..._jpeg
    metric varchar not null,  -- psnr, ssim, psnr_mouth, ssim_mouth, lmd, lpips, lse_d or lse_c (metric_definitions)
    value double,  -- the score; null where it could not be computed, and then detail says why
    offset_frames integer,  -- lse_d, lse_c: shift of the sound (25 fps) at which they were met; positive: the sound is early; null for several faces
    evaluator varchar,  -- network, detector or library that the score depends on
    detail varchar  -- why value is null, or what qualifies it
)
