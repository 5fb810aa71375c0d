-- Clips that are not used, with the reason.
-- grain: one rejected clip
-- key: clip_id
create view rejections as
with

clip as (
    select
        clips.dataset, clips.clip_id, clips.split, clips.stage, clips.reason, clips.detail, clips.path,
        clips.sha256, clips.status
    from clips
)

select
    clip.dataset,  -- name of the dataset, as in cals.yaml
    clip.clip_id,  -- the clip
    clip.split,  -- train, val or test
    clip.stage,  -- stage that rejected it
    clip.reason,  -- snake_case code of the rejection
    clip.detail,  -- the rejection in words, with its values
    clip.path,  -- path of the video relative to the dataset's root
    clip.sha256  -- hash of the video's bytes, 64 hex digits
from clip
where clip.status = 'rejected'
order by clip.dataset, clip.stage, clip.reason, clip.clip_id
