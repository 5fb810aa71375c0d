-- The newest rows of the ledger that this database was built from: those that no other row or command's record names.
-- grain: one row of the ledger
-- key: digest
create view ledger_heads as
with

named as (
    select unnest(from_json(materializations.heads_json, '["varchar"]')) as digest
    from materializations
    union
    select unnest(from_json(recorded_files.heads_json, '["varchar"]')) as digest
    from recorded_files
),

heads as (
    select materializations.row_digest as digest, materializations.materialization_id, materializations.finished_at
    from materializations
    left join named on named.digest = materializations.row_digest
    where materializations.row_digest is not null and named.digest is null
)

select
    heads.digest,  -- row_digest of the materialisation
    heads.materialization_id,  -- its id (materializations)
    heads.finished_at  -- when it was finished, UTC
from heads
