-- Student's t: by how many standard errors a 95 % interval of a mean reaches to either side.
-- grain: one number of degrees of freedom, 1 to 1000; with more, take the last row (0.12 % too wide at most)
-- key: degrees_of_freedom
create table student_t (
    degrees_of_freedom integer not null,  -- number of values less 1
    quantile_975 double not null  -- 97.5 % quantile of Student's t distribution
)
