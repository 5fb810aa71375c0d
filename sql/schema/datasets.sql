-- Datasets that were added to this home, with what decides how they are read and how large their models are.
-- grain: one dataset
-- key: dataset
create table datasets (
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    layout varchar,  -- how the folder is laid out: lrw, lrs2, hdtf, grid or folder
    profile varchar,  -- tiny (CPU, minutes) or paper (128 px, full width, GPU)
    root varchar,  -- folder of the raw data
    train_on varchar,  -- datasets that the models train on, separated by commas; null: the dataset itself
    num_buckets integer  -- buckets that its clips are spread over, fixed when the dataset was added
)
