-- How much of each clip's footage is used, least first: what only one stream has is left out, the face may be lost, and
-- frames may be repeated.
-- grain: one accepted clip that has a face track
-- key: clip_id
-- units: frames at 25 fps, shares between 0 and 1; higher is better but for repeats
create view footage_kept as
with

inventory as (
    select
        clip_inventory.dataset, clip_inventory.clip_id, clip_inventory.path, clip_inventory.fps,
        clip_inventory.num_frames, clip_inventory.trimmed_s
    from clip_inventory
    where clip_inventory.status = 'ok'
),

tracks as (
    select
        face_tracks.dataset, face_tracks.clip_id, face_tracks.num_frames, face_tracks.repeated_frames,
        face_tracks.interpolated_share
    from face_tracks
),

audio as (
    select clip_audio.dataset, clip_audio.clip_id, clip_audio.missing_share
    from clip_audio
),

kept as (
    select
        inventory.dataset, inventory.clip_id, inventory.path, inventory.fps, tracks.num_frames as frames_kept,
        inventory.num_frames + round(25 * coalesce(inventory.trimmed_s, 0)) as source_frames,
        inventory.trimmed_s, tracks.repeated_frames,
        tracks.repeated_frames / inventory.num_frames as repeated_share,
        tracks.interpolated_share, audio.missing_share
    from inventory
    inner join tracks on inventory.dataset = tracks.dataset and inventory.clip_id = tracks.clip_id
    left join audio on inventory.dataset = audio.dataset and inventory.clip_id = audio.clip_id
)

select
    kept.dataset,  -- name of the dataset, as in cals.yaml
    kept.clip_id,  -- the clip
    kept.path,  -- path of the video relative to the dataset's root
    cast(kept.source_frames as bigint) as source_frames,  -- frames of the part of the file that the clip stands for, also where it has video or audio alone
    kept.frames_kept,  -- frames of them that the face track covers
    kept.frames_kept / kept.source_frames as kept_share,  -- share of source_frames that the face track covers
    kept.repeated_frames,  -- frames of the clip that show what the frame before them shows; lower is better
    kept.repeated_share,  -- the same as a share of the clip's frames; lower is better
    kept.fps,  -- frames a second of the source's video stream, before the change to 25
    kept.trimmed_s,  -- seconds that only the video or only the audio has, left out
    kept.interpolated_share,  -- share of the track's frames whose face was interpolated over a gap; lower is better
    kept.missing_share as missing_audio_share  -- share of the clip's audio that the file lacks, filled with silence; lower is better; null without a mel
from kept
order by kept.frames_kept / kept.source_frames * (1 - kept.repeated_share), kept.dataset, kept.clip_id
