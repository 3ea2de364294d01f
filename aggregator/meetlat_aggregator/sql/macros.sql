-- The words that the cell and state queries are written in. `sgn` is 1 for an event that counts and
-- -1 for one that is withdrawn; a withdrawn event takes off exactly what it added.
CREATE OR REPLACE TEMP MACRO total(sgn, x) AS coalesce(sum(CASE WHEN sgn > 0 THEN x ELSE -x END), 0);
-- How many events say x: absent is not zero, so every field keeps its own count.
CREATE OR REPLACE TEMP MACRO known(sgn, x) AS coalesce(sum(CASE WHEN x IS NOT NULL THEN sgn END), 0);
CREATE OR REPLACE TEMP MACRO times(sgn, yes) AS coalesce(sum(CASE WHEN yes THEN sgn END), 0);
CREATE OR REPLACE TEMP MACRO squares(sgn, x) AS total(sgn, x::HUGEINT * x);
-- x is a decimal of 19 digits or more: DuckDB keeps the product of shorter ones to 18 digits.
CREATE OR REPLACE TEMP MACRO decimal_squares(sgn, x) AS total(sgn, x * x);
-- An absent dimension is '', never NULL.
CREATE OR REPLACE TEMP MACRO said(x) AS coalesce(x::VARCHAR, '');
CREATE OR REPLACE TEMP MACRO microseconds(seconds) AS round(seconds * 1000000)::BIGINT;
CREATE OR REPLACE TEMP MACRO digest_of(source, id) AS md5_number(source || chr(0) || id);
-- An event as a key of its own: its whole identity.
CREATE OR REPLACE TEMP MACRO itself(source, id, moment) AS
  source || chr(0) || id || chr(0) || epoch_us(moment);
-- Of archive rows. A dead record is no JSON: the CASE keeps it from being read as such.
CREATE OR REPLACE TEMP MACRO field_of(verdict, value, path) AS
  CASE WHEN verdict IN ('counted', 'void') THEN decode(value)->>path END;
CREATE OR REPLACE TEMP MACRO archived_digest(verdict, value) AS
  digest_of(field_of(verdict, value, '$.source'), field_of(verdict, value, '$.id'));
-- A register: the value with the greatest (time, source, id) stays.
CREATE OR REPLACE TEMP MACRO latest(moment, source, id, x) AS
  max(CASE WHEN x IS NOT NULL THEN {'t': moment, 's': source, 'i': id, 'v': x} END);
