-- How many clips were accepted and rejected, by split, stage and reason.
-- grain: one dataset, split, status, stage and reason
-- key: dataset, split, status, stage, reason
create view clip_status as
with

clip as (
    select clips.dataset, clips.split, clips.status, clips.stage, clips.reason, clips.clip_id, clips.duration_s
    from clips
)

select
    clip.dataset,  -- name of the dataset, as in cals.yaml
    clip.split,  -- train, val or test
    clip.status,  -- ok or rejected
    clip.stage,  -- stage that rejected the clips; null where status is ok
    clip.reason,  -- code of the rejection; null where status is ok
    count(clip.clip_id) as num_clips,  -- clips
    sum(clip.duration_s) / 3600 as hours  -- their length in hours
from clip
group by clip.dataset, clip.split, clip.status, clip.stage, clip.reason
order by clip.dataset, clip.split, clip.status, num_clips desc
