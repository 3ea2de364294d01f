-- Working time from 2000 up to a moment (UTC), in microseconds; NULL beyond the calendar.
CREATE OR REPLACE TEMP MACRO worked_us(moment) AS (
  SELECT before_us
    + greatest(0, least(closes_us, epoch_us(moment) - epoch_us(starts)) - opens_us)
  FROM calendar_days WHERE day = local_day(moment)
);
-- Working time between two moments (UTC), in microseconds: by the plan's calendar, in the company's
-- time zone. Below 0 when they are the other way round.
CREATE OR REPLACE TEMP MACRO working_us(from_ts, to_ts) AS worked_us(to_ts) - worked_us(from_ts);
