-- The files that each materialisation, or command, left under CALS_HOME, by digest; `cals doctor --deep` compares them.
-- grain: one file of one record
-- key: record_id, path
create table recorded_files (
    record_id varchar not null,  -- materialization_id, or an id of its own for the record of a command
    recorded_by varchar not null,  -- materialization, or the command, e.g. dub
    recorded_at timestamptz,  -- when a command wrote the record, UTC; null for a materialisation, whose row has finished_at
    heads_json json,  -- JSON list: digests that a command's record names; null for a materialisation, whose row has them
    path varchar not null,  -- relative to CALS_HOME
    sha256 varchar,  -- of its bytes, 64 hex digits; null where the record says that the file was removed
    bytes bigint  -- its size; null where it was removed
)
