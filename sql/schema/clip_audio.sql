-- The audio of each clip: which channels of the file it is, its level, and what is missing.
-- grain: one clip with a mel
-- key: clip_id
-- units: shares are between 0 and 1, levels of full scale 1
create table clip_audio (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    source_channels integer,  -- channels of the file's main audio stream (clip_inventory says which; av_offsets, where another is used)
    mix varchar,  -- how they became one: mono, mean (of two), weighted (of more), difference (of two, one inverted), or the one that has the speech, such as FL or FC
    peak double,  -- largest absolute sample
    rms double,  -- root mean square of the samples
    silent_share double,  -- share of 10 ms blocks that are silent; lower is better
    clipped_share double,  -- share of samples that are clipped; lower is better
    missing_share double  -- share for which the file has no audio, filled with silence; lower is better
)
