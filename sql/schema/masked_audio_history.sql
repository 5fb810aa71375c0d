-- Every landmark distance of frames whose audio was masked out, by the length of the mask; the view masked_audio has
-- the current ones (Figure 2).
-- grain: one clip by one method with one mask length, in one version
-- key: dataset, method, clip_id, mask_frames, materialization_id
create table masked_audio_history (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    mask_frames integer not null,  -- video frames in a row whose audio was masked, at 25 fps
    lmd_masked double,  -- landmark distance of the masked frames in crop pixels; lower is better
    lmd_unmasked double,  -- landmark distance of the same frames with all audio in crop pixels; lower is better
    detail varchar,  -- why a distance is null
    materialization_id varchar,  -- materialisation that first wrote this version (materializations)
    data_version varchar,  -- digest of the content that it came to
    code_version varchar,  -- fingerprint of its code and libraries
    git_commit varchar,  -- commit of the project's code
    git_dirty boolean,  -- true where the code differed from the commit
    finished_at timestamptz,  -- when it was finished, UTC
    is_current boolean not null  -- true for the version that is in force: the rows of the view masked_audio
)
