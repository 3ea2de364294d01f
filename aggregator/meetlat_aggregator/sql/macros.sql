-- The words that the cell and state queries are written in. `sgn` is 1 for an event that counts and
-- -1 for one that is withdrawn; a withdrawn event takes off exactly what it added.
CREATE OR REPLACE TEMP MACRO total(sgn, x) AS coalesce(sum(CASE WHEN sgn > 0 THEN x ELSE -x END), 0);
-- How many events say x: absent is not zero, so every field keeps its own count.
CREATE OR REPLACE TEMP MACRO known(sgn, x) AS coalesce(sum(CASE WHEN x IS NOT NULL THEN sgn END), 0);
CREATE OR REPLACE TEMP MACRO times(sgn, yes) AS coalesce(sum(CASE WHEN yes THEN sgn END), 0);
CREATE OR REPLACE TEMP MACRO squares(sgn, x) AS total(sgn, x::HUGEINT * x);
CREATE OR REPLACE TEMP MACRO decimal_squares(sgn, x) AS total(sgn, x * x);
-- An absent dimension is '', never NULL.
CREATE OR REPLACE TEMP MACRO said(x) AS coalesce(x::VARCHAR, '');
CREATE OR REPLACE TEMP MACRO microseconds(seconds) AS round(seconds * 1000000)::BIGINT;
CREATE OR REPLACE TEMP MACRO digest_of(source, id) AS md5_number(source || chr(0) || id);
-- A register: the value with the greatest (time, source, id) stays.
CREATE OR REPLACE TEMP MACRO latest(moment, source, id, x) AS
  max(CASE WHEN x IS NOT NULL THEN {'t': moment, 's': source, 'i': id, 'v': x} END);
