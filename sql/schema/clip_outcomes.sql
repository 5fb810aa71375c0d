-- Outcome of each stage after the inventory for each clip.
-- grain: one clip in one stage
-- key: dataset, stage, clip_id
create table clip_outcomes (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    stage varchar not null,  -- face_tracks, face_crops, mels, av_offsets or shards
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    status varchar,  -- ok or rejected
    reason varchar,  -- snake_case code of the rejection; null where status is ok
    detail varchar,  -- the rejection in words, with its values; null where status is ok
    digest varchar,  -- sha256 of the stage's output for the clip, 64 hex digits
    num_frames bigint  -- frames of the stage's output, at 25 fps
)
