-- Raw files of a dataset as they were last observed, with their content hashes; raw data is never written to.
-- grain: one file (video, transcript, annotation)
-- key: dataset, path
create table raw_files (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    path varchar not null,  -- path relative to the dataset's root, with forward slashes
    sha256 varchar,  -- hash of the file's bytes, 64 hex digits; null where the file could not be read
    bytes bigint,  -- size of the file in bytes
    problem varchar  -- why the file could not be read; null where it could
)
