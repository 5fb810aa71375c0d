-- Answers of human raters in the study (Table 2).
-- grain: one rater's answer on one scale to one video
-- key: study, rater, dataset, method, clip_id, scale
create table mos_ratings (
    study varchar not null,  -- name of the study
    rater varchar not null,  -- pseudonym of the rater
    dataset varchar not null,  -- name of the dataset, as in cals.yaml
    method varchar not null,  -- method that generated the video; raters do not see it
    clip_id varchar not null,  -- clip that was shown
    scale varchar not null,  -- visual_quality, lip_sync_quality or realness
    rating integer,  -- 1 (bad) to 5 (excellent); higher is better
    rated_at timestamptz,  -- when the answer was given, UTC
    screened_out boolean  -- true where the rater failed the screening and does not count
)
