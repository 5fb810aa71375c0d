-- Clips that the inventory found in the raw data, accepted or not, before any later stage.
-- The table clips has the final status of each clip; this one holds what the clips stage alone wrote.
-- grain: one clip
-- key: clip_id
create table clip_inventory (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    split varchar,  -- train, val or test
    speaker varchar,  -- speaker as the layout names it; LRS2: the id folder, i.e. the programme, mostly but not always one person; null where none is named
    path varchar,  -- path of the video relative to the dataset's root
    sha256 varchar,  -- hash of the video's bytes, 64 hex digits
    transcript varchar,  -- words spoken, where the layout gives them
    status varchar,  -- ok or rejected
    stage varchar,  -- stage that rejected the clip (clips here); null where status is ok
    reason varchar,  -- snake_case code of the rejection; null where status is ok
    detail varchar,  -- the rejection in words, with its values; null where status is ok
    start_s double,  -- where the clip starts in the video, in seconds; null where it is the whole video
    end_s double,  -- where the clip ends in the video, in seconds; null where it is the whole video
    duration_s double,  -- length of the clip in seconds
    fps double,  -- frames a second of the source's video stream, before the change to 25
    width integer,  -- width of the source's frames as displayed, in square pixels
    height integer,  -- height of the source's frames as displayed, in square pixels
    frame_changes varchar,  -- what was done to the stored frames: de-interlaced, tone-mapped, resampled to square pixels, mirrored, turned; null if nothing
    num_frames bigint,  -- frames that the clip covers at 25 fps
    video_codec varchar,  -- codec of the video stream, as FFmpeg names it
    audio_codec varchar,  -- codec of the audio stream, as FFmpeg names it; null without audio
    audio_rate_hz integer,  -- sample rate of the source's audio in Hz, before the change to 16 kHz
    audio_stream integer,  -- index of the main audio stream, which is used unless av_offsets names another; null for clips rejected before
    audio_stream_why varchar,  -- why this one of several audio streams is the main one; null where there is one
    trimmed_s double,  -- seconds at the start and the end that only the video or only the audio has, left out
    digest varchar  -- digest of the clip's row as later stages see it
)
