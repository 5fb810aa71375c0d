-- Offset between audio and video of each clip: as measured, as corrected, and what is left.
-- grain: one clip
-- key: clip_id
-- units: offsets in video frames at 25 fps (40 ms), in steps of 1/4 (10 ms); positive means that the audio is early
create table av_offsets (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    status varchar,  -- not measured, in sync, corrected, uncertain or too short
    measured_frames double,  -- offset before any correction; null where not measured
    confidence double,  -- median minus smallest distance over shifts; higher is better
    applied_frames double,  -- frames by which the audio was delayed; 0 where nothing was corrected
    remeasured_frames double,  -- offset after the correction; 0 is best; null where not measured
    remeasured_confidence double,  -- confidence after the correction; higher is better
    probe varchar,  -- what measured it: public SyncNet weights or a probe trained on another dataset
    audio_stream integer,  -- index in the file of the audio stream that the lips go with, used in place of the main one (clip_inventory.audio_stream); null where that is used
    audio_stream_why varchar  -- of several audio streams, which one is used and how sure the probe is; null where there is one or no probe
)
