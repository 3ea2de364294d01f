-- Days and weeks are made in the company's time zone (variable `timezone`), from UTC.
CREATE OR REPLACE TEMP MACRO local_day(moment) AS
  ((moment AT TIME ZONE 'UTC') AT TIME ZONE getvariable('timezone'))::DATE;
CREATE OR REPLACE TEMP MACRO week_of(day) AS date_trunc('week', day)::DATE;
