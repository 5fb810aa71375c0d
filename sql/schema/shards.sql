-- WebDataset tar files that training and evaluation read.
-- grain: one tar file
-- key: dataset, path
create table shards (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    split varchar,  -- train, val or test
    path varchar not null,  -- path relative to the dataset's shard folder
    num_clips bigint,  -- clips in the tar
    num_frames bigint,  -- frames in the tar, at 25 fps
    bytes bigint,  -- size of the tar in bytes
    sha256 varchar  -- hash of the tar's bytes, 64 hex digits
)
