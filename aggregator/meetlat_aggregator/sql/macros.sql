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
-- A JSON object may say a name twice: the contract reads the last, and DuckDB's paths the first.
CREATE OR REPLACE TEMP MACRO repeats(doc, name) AS
  contains(substr(doc, strpos(doc, '"' || name || '"') + 1), '"' || name || '"')
  OR contains(doc, '\u00');
CREATE OR REPLACE TEMP MACRO last_member(doc, name) AS json_extract(doc, '$.*')[
  len(json_keys(doc)) - list_position(list_reverse(json_keys(doc)), name) + 1
];
-- Of archive rows. A dead record is no JSON: the CASE keeps it from being read as such.
CREATE OR REPLACE TEMP MACRO text_of(verdict, value) AS
  CASE WHEN verdict IN ('counted', 'void') THEN decode(value) END;
CREATE OR REPLACE TEMP MACRO envelope_of(doc, name) AS
  CASE WHEN repeats(doc, name) THEN last_member(doc, name)->>'$' ELSE doc->>('$.' || name) END;
CREATE OR REPLACE TEMP MACRO archived_digest(verdict, value) AS digest_of(
  envelope_of(text_of(verdict, value), 'source'), envelope_of(text_of(verdict, value), 'id')
);
-- Whether a data field may say one of the needles; what it does say is read by the contract.
CREATE OR REPLACE TEMP MACRO may_say(doc, name, needles) AS
  list_contains(needles, doc->>('$.data.' || name)) OR repeats(doc, name) OR repeats(doc, 'data');
