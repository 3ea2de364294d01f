-- A moment (UTC) on the clock that the use case counts in, in microseconds: the calendar's, or one that
-- runs in working hours only (`worked_us` is made with the plan's calendar). How long something took is
-- the difference of two.
CREATE OR REPLACE TEMP MACRO calendar_clock(hours, moment) AS epoch_us(moment);
CREATE OR REPLACE TEMP MACRO working_clock(hours, moment) AS
  CASE WHEN hours = 'working' THEN worked_us(moment) ELSE epoch_us(moment) END;
