-- Videos that `cals dub` generated: the face, audio and model that were given, and the result. Each file's metadata says
-- that it is synthetic and names its row here.
-- grain: one dubbed video
-- key: dub_id
create table dubs (
    dub_id varchar not null,  -- identifier of the dub; the file's metadata has it as dubs/<dub_id>
    dubbed_at timestamptz,  -- when it was finished, UTC
    model_dataset varchar,  -- dataset that the generator was trained on
    model_method varchar,  -- method of the generator
    weights_sha256 varchar,  -- hash of the generator's weights: its data_version in materializations
    model_path varchar,  -- folder that the generator was read from
    video_path varchar,  -- given video or photograph
    video_sha256 varchar,  -- hash of that file, 64 hex digits
    audio_path varchar,  -- given audio; null with a cast
    audio_sha256 varchar,  -- hash of that file, 64 hex digits; null with a cast
    cast_json json,  -- JSON array, one entry for each row of the table of --cast: line, face, audio and its audio_sha256, from_s, to_s, audio_from_s, left_out_s (end of the audio without room), num_frames of the stretch and of them num_frames_in_view of the face; null without a cast
    audio_taken varchar,  -- which audio stream was taken, where the file has several, how its channels became one, and what was done on its time line: late starts, gaps, overlaps, changes of rate; null for earlier dubs
    output_path varchar,  -- where the dubbed video was written
    output_sha256 varchar,  -- hash of the dubbed video, 64 hex digits
    width_px bigint,  -- width of the dubbed video in pixels, of the shape that the given video's have
    height_px bigint,  -- height of the dubbed video, pixels
    frame_changes varchar,  -- what was done to the given frames besides the dub: de-interlaced, HDR kept or tone-mapped, mirrored, turned, mapped to sRGB, shown on white, bits or chroma changed; null if nothing
    without_speech varchar,  -- where no speech of a second or longer was found in the audio; null if nowhere, and for earlier dubs
    enlarged varchar,  -- how much smaller a face is in the video than the large crops that the model draws; null if it is not, for models of 128 px and for earlier dubs
    written_as varchar,  -- container, encoder, bits, chroma and quality of the dubbed video; null for earlier dubs
    kept_json json,  -- JSON array: tracks, chapters and attachments of the given video that the dub has too, in words; null for earlier dubs
    dropped_json json,  -- JSON array: tracks and texts of the given video that the dub lacks, and parts of video or audio that are left out, repeated or held, in words; null for earlier dubs
    num_frames bigint,  -- frames of the dubbed video
    num_dubbed_frames bigint,  -- frames of them in which a chosen face is tracked; the others are unchanged
    num_bridged_frames bigint,  -- dubbed frames in which a face was not found, between ones in which it was: its place is interpolated; null for earlier dubs
    num_covered_frames bigint,  -- frames in which something covers a chosen mouth, a hand or a microphone: it is left alone there; null for earlier dubs
    opening_audio double,  -- correlation of the drawn mouth's opening with what the model draws for the same audio into one still frame, -1 to 1: near 1 the mouth follows the audio; where it drew the same mouth throughout, for photographs, short and earlier dubs null
    opening_source double,  -- correlation of the drawn mouth's opening with that of the given video's own mouth, -1 to 1: near 0 the source does not show through; null for photographs, short and earlier dubs
    opening_at_rest double,  -- mean opening of the drawn mouth where the audio holds no speech, in units of the given face's closed mouth (5th percentile of its opening): near 1 it is closed; null where nothing rests, and for earlier dubs
    duration_s double,  -- length of the dubbed video, seconds
    fit varchar,  -- where video and audio differ in length: trim (to the shorter), loop or hold (the video)
    faces_json json,  -- JSON array: each face that was dubbed, its place and size in words, and with --face speaker why it is the speaker
    is_marked boolean,  -- true where a visible mark says that the video is synthetic
    tool_version varchar,  -- version and code fingerprint of the program that dubbed
    host varchar,  -- machine that it ran on
    seconds double  -- seconds that the work took; divided by duration_s, the real-time factor
)
