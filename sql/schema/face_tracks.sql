-- Quality of the face track that each clip's crops follow.
-- grain: one clip with a track
-- key: clip_id
-- units: shares are between 0 and 1, lengths in frames at 25 fps or in source pixels
create table face_tracks (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    clip_id varchar not null,  -- dataset/split/relative path, with #segment where a long video was cut
    backend varchar,  -- detector and landmark model: face-alignment or dlib
    num_frames bigint,  -- frames at 25 fps that the track covers
    num_clip_frames bigint,  -- frames at 25 fps that the clip has
    kept_share double,  -- share of the clip's frames that the track covers, num_frames / num_clip_frames; higher is better
    num_faces integer,  -- most faces found in a frame; more than 1 means that one was chosen
    valid_share double,  -- share of frames whose face was detected or tracked; higher is better
    interpolated_share double,  -- share of frames whose face was interpolated over a gap; lower is better
    longest_gap_frames integer,  -- longest run of frames without a face; lower is better
    num_gaps integer,  -- runs of frames without a face; lower is better
    repeated_frames integer,  -- frames of the clip that show what the frame before them shows: a slow source, or frames that were stored twice; lower is better
    chosen_by varchar,  -- what decided among several faces: only (one was long and large enough), score (mouth motion, size and place), or lips (those that go with the audio, as the offset probe sees it)
    lip_confidence double,  -- where chosen_by is lips: how far the offset stands out, in the probe's own unit; higher is better
    mean_face_px double  -- mean width of the face's box in source pixels
)
