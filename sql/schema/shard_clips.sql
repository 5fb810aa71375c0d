-- Which shard holds which clip.
-- grain: one clip that is in a shard
-- key: dataset, clip_id
create table shard_clips (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    key varchar,  -- name of the clip's members in the tar: first 16 hex digits of sha256(clip_id)
    split varchar,  -- train, val or test
    shard varchar,  -- path of the tar relative to the dataset's shard folder
    num_frames bigint,  -- frames of the clip, at 25 fps
    crops_digest varchar,  -- digest of its face crops
    mel_digest varchar,  -- digest of its mel spectrogram
    offset_digest varchar  -- digest of its audio-video offset
)
