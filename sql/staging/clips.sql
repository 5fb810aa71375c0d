-- Clips with their final status: that of the inventory, unless a later stage rejected the clip; the first such stage counts.
-- grain: one clip that the inventory found
-- key: clip_id
create table clips as
with

inventory as (
    select
        clip_inventory.dataset, clip_inventory.clip_id, clip_inventory.split, clip_inventory.speaker,
        clip_inventory.path, clip_inventory.sha256, clip_inventory.transcript, clip_inventory.status,
        clip_inventory.reason, clip_inventory.detail, clip_inventory.start_s, clip_inventory.end_s,
        clip_inventory.duration_s, clip_inventory.fps, clip_inventory.width, clip_inventory.height,
        clip_inventory.frame_changes, clip_inventory.num_frames
    from clip_inventory
),

outcomes as (
    select
        clip_outcomes.dataset, clip_outcomes.clip_id, clip_outcomes.stage, clip_outcomes.status,
        clip_outcomes.reason, clip_outcomes.detail,
        list_position(
            ['face_tracks', 'face_crops', 'mels', 'av_offsets', 'shards'], clip_outcomes.stage
        ) as stage_order
    from clip_outcomes
),

sharded as (
    select shard_clips.dataset, shard_clips.clip_id, shard_clips.shard, shard_clips.num_frames
    from shard_clips
),

rejected as (
    select
        outcomes.dataset, outcomes.clip_id, outcomes.stage, outcomes.reason, outcomes.detail,
        row_number() over (
            partition by outcomes.dataset, outcomes.clip_id order by outcomes.stage_order
        ) as place
    from outcomes
    where outcomes.status = 'rejected'
),

-- The earliest stage that rejected a clip is the cause; later stages did not process it.
causes as (
    select rejected.dataset, rejected.clip_id, rejected.stage, rejected.reason, rejected.detail
    from rejected
    where rejected.place = 1
)

select
    inventory.dataset,  -- name of the dataset, as in cals.yaml
    inventory.clip_id,  -- dataset/split/relative path, with #segment where a long video was cut
    left(sha256(inventory.clip_id), 16) as key,  -- name of the clip's files in shards and renders
    inventory.split,  -- train, val or test
    inventory.speaker,  -- speaker as the layout names it; LRS2: the id folder, i.e. the programme, mostly but not always one person; null where none is named
    inventory.path,  -- path of the video relative to the dataset's root (raw_files has its hash and size)
    inventory.sha256,  -- hash of the video's bytes, 64 hex digits
    inventory.transcript,  -- words spoken, where the layout gives them
    case
        when inventory.status = 'ok' and causes.clip_id is null then 'ok' else 'rejected'
    end as status,  -- ok or rejected
    case
        when inventory.status = 'ok' then causes.stage else 'clips'
    end as stage,  -- stage that rejected the clip; null where status is ok
    case
        when inventory.status = 'ok' then causes.reason else inventory.reason
    end as reason,  -- snake_case code of the rejection; null where status is ok
    case
        when inventory.status = 'ok' then causes.detail else inventory.detail
    end as detail,  -- the rejection in words, with its values; null where status is ok
    inventory.start_s,  -- where the clip starts in the video, in seconds; null where it is the whole video
    inventory.end_s,  -- where the clip ends in the video, in seconds; null where it is the whole video
    inventory.duration_s,  -- length of the clip in seconds
    inventory.fps,  -- frames a second of the source's video stream, before the change to 25
    inventory.width,  -- width of the source's frames as displayed, in square pixels
    inventory.height,  -- height of the source's frames as displayed, in square pixels
    inventory.frame_changes,  -- what was done to the stored frames: de-interlaced, tone-mapped, resampled to square pixels, mirrored, turned; null if nothing
    inventory.num_frames,  -- frames that the clip covers at 25 fps
    sharded.num_frames as shard_frames,  -- frames in the shard, at 25 fps; null where the clip is in none
    sharded.shard  -- tar that holds the clip, relative to the dataset's shard folder; null where none does
from inventory
left join causes on inventory.dataset = causes.dataset and inventory.clip_id = causes.clip_id
left join sharded on inventory.dataset = sharded.dataset and inventory.clip_id = sharded.clip_id
