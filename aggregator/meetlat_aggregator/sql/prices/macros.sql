-- Tokens of one bucket at their rate; NULL when there are some and their rate is unknown. A price
-- without `input` is not by tokens at all.
CREATE OR REPLACE TEMP MACRO cost_of(tokens, rate, input) AS
  CASE WHEN tokens = 0 OR input IS NULL THEN 0::DECIMAL(38, 15)
    ELSE tokens::DECIMAL(19, 0) * rate END
