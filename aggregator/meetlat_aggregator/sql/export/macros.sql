-- A text that a spreadsheet would take for a formula gets an apostrophe in front, in CSV only.
CREATE OR REPLACE TEMP MACRO plain_text(t) AS
  CASE WHEN regexp_matches(t, '^[=+@\t\r＝＋－＠-]') THEN '''' || t ELSE t END;
-- Whether a moment (hour, day, week, start) is asked for; both ends are NULL when all is.
CREATE OR REPLACE TEMP MACRO asked_utc(t) AS
  getvariable('since_utc') IS NULL
  OR (t >= getvariable('since_utc') AND t < getvariable('until_utc'));
CREATE OR REPLACE TEMP MACRO asked_local(t) AS
  getvariable('since_local') IS NULL
  OR (t >= getvariable('since_local') AND t < getvariable('until_local'));
CREATE OR REPLACE TEMP MACRO asked_case(u) AS
  getvariable('use_case') IS NULL OR u = getvariable('use_case');
