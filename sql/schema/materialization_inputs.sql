-- Edges of the ledger: which version of which input a materialisation read.
-- grain: one input of one materialisation
-- key: materialization_id, asset, dataset, method
create table materialization_inputs (
    materialization_id varchar not null,  -- materialisation that read the input (materializations)
    asset varchar not null,  -- asset that was read
    dataset varchar,  -- dataset of the partition that was read
    method varchar,  -- method of the partition that was read; null for assets that have none
    data_version varchar  -- digest of the content that was read
)
