-- Methods that are measured (cals_models/methods) or published (sql/seeds), with how tables print them.
-- grain: one method
-- key: method
create table method_definitions (
    method varchar not null,  -- name of the method in clip_metrics and published_metrics
    label varchar not null,  -- how tables print it
    position integer not null,  -- order in tables
    is_control boolean not null,  -- true where no model generates the frames
    description varchar not null,  -- what it is
    draws varchar,  -- lower_half or whole_crop: what its model generates; null where no model of this pipeline does
    differs varchar,  -- what differs from the published system of that name; null where nothing, or it is none of ours
    is_optional boolean  -- true where a dataset must list it under methods; null for a published system
)
