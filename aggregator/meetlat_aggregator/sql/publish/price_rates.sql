-- What every model cost on which days, and where that was known from.
SELECT * FROM rates_at_hand
