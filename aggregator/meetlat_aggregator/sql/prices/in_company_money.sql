-- An amount of money in the company's currency; NULL without a rate for that day.
CREATE OR REPLACE TEMP MACRO in_company_money(amount, currency, "day") AS (
  SELECT (amount::DECIMAL(29, 9) * x.worth)::DECIMAL(38, 9)
  -- Other names than the macro's own, which would hide them.
  FROM exchange AS x(of_day, of_currency, worth)
  WHERE x.of_day = "day" AND x.of_currency = currency
)
