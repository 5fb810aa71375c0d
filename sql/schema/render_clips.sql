-- Test clips as each method rendered them.
-- grain: one clip by one method with its own or another clip's audio
-- key: dataset, method, audio, clip_id
create table render_clips (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the frames
    audio varchar not null,  -- own: the clip's audio; other: another test clip's (the wrong-audio control)
    clip_id varchar not null,  -- clip whose frames are given (pose prior and reference)
    audio_clip_id varchar,  -- clip whose audio is given; the same clip where audio is own
    audio_fit varchar,  -- how that audio was fitted to the clip's length
    key varchar,  -- name of the video file: first 16 hex digits of sha256(clip_id)
    path varchar,  -- path of the video file relative to the dataset's and method's render folder
    sha256 varchar,  -- hash of the video file, 64 hex digits
    num_frames bigint,  -- frames rendered, at 25 fps
    reference_policy varchar,  -- how reference frames were chosen; never the target's own frame
    input_digest varchar,  -- digest of all that determines the frames: weights, clip, audio, settings, code
    status varchar,  -- ok or rejected
    reason varchar,  -- snake_case code of the failure; null where status is ok
    detail varchar  -- the failure in words; null where status is ok
)
