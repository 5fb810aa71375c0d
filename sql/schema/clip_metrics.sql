-- Scores of rendered test clips.
-- grain: one metric of one clip by one method, audio and protocol
-- key: dataset, method, clip_id, audio, protocol, metric, evaluator
-- units: metric_definitions gives each metric's unit and which direction is better
create table clip_metrics (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that made the pictures; ground_truth and copy_reference are controls
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    audio varchar not null,  -- own: the clip's audio; other: another test clip's (the wrong-audio control)
    protocol varchar not null,  -- primary, atvgnet, lse_crop, lse_real, lse_crop_jpeg or lse_real_jpeg
    metric varchar not null,  -- psnr, ssim, psnr_mouth, ssim_mouth, lmd, lse_d, lse_c, ...
    value double,  -- the score; null where it could not be computed, and then detail says why
    evaluator varchar,  -- network or detector that the score depends on; null where it needs none
    detail varchar  -- why value is null, or what qualifies it
)
