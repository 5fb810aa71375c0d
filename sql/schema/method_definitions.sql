-- Methods that are measured (cals_models/methods) or published (sql/seeds), with how tables print them.
-- grain: one method
-- key: method
create table method_definitions (
    method varchar not null,  -- name of the method in clip_metrics and published_metrics
    label varchar not null,  -- how tables print it
    position integer not null,  -- order in tables
    is_control boolean not null,  -- true where no model generates the frames
    description varchar not null  -- what it is
)
