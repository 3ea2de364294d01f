-- How long something took, in microseconds: by the calendar, or in working hours where the use case
-- says so (`working_us` is made with the plan's calendar).
CREATE OR REPLACE TEMP MACRO calendar_span(hours, since, until) AS
  date_diff('microsecond', since, until);
CREATE OR REPLACE TEMP MACRO working_span(hours, since, until) AS
  CASE WHEN hours = 'working' THEN working_us(since, until)
    ELSE date_diff('microsecond', since, until) END;
