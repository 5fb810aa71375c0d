-- Videos of other systems that `cals score` was given, each beside the true one; those of earlier sets stay.
-- grain: one pair of videos of one version of a set
-- key: dataset, method, data_version, video
create table external_renders (
    dataset varchar not null,  -- dataset that the figures stand under
    method varchar not null,  -- external/<name of the system>
    data_version varchar not null,  -- of the set: digest over all pairs; materializations of asset external_renders have it
    video varchar not null,  -- path of the true video in its folder, without suffix
    path varchar,  -- the system's video, where it lay
    sha256 varchar,  -- hash of that file, 64 hex digits
    bytes bigint,  -- its size
    reference_path varchar,  -- the true video, where it lay
    reference_sha256 varchar,  -- hash of that file, 64 hex digits
    status varchar,  -- ok or rejected
    reason varchar,  -- snake_case code of what kept it from being scored; null where status is ok
    detail varchar  -- the same in words; null where status is ok
)
