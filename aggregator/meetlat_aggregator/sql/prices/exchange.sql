-- What a unit of a currency is worth in the company's, per day of its calendar.
CREATE OR REPLACE TEMP TABLE exchange AS
SELECT "day", currency, rate FROM exchange_rows
