-- Days and weeks are made in the company's time zone, from UTC.
CREATE OR REPLACE TEMP MACRO local_day(moment) AS make_timestamp(epoch_us(moment) + {offset})::DATE;
CREATE OR REPLACE TEMP MACRO week_of(day) AS date_trunc('week', day)::DATE;
