-- Videos of other systems that `cals score` was given, each beside the true one; those of earlier sets are kept.
-- grain: one pair of videos of one version of a set
-- key: dataset, method, data_version, video
create table external_renders (
    dataset varchar not null,  -- dataset that the scores are listed under
    method varchar not null,  -- external/<name of the system>
    data_version varchar not null,  -- of the set: digest over all pairs; materializations of asset external_renders have it
    video varchar not null,  -- path of the true video in its folder, without suffix
    path varchar,  -- where the system's video was
    sha256 varchar,  -- hash of that file, 64 hex digits
    bytes bigint,  -- its size
    reference_path varchar,  -- where the true video was
    reference_sha256 varchar,  -- hash of that file, 64 hex digits
    status varchar,  -- ok or rejected
    reason varchar,  -- snake_case code of what kept it from being scored; null where status is ok
    detail varchar  -- the same in words; null where status is ok
)
