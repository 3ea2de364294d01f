-- What a unit of each model costs today, in the company's money. Without a price per token, tokens
-- cost nothing beside the call and the second; nothing at all is said of a model without any price.
SELECT provider, model,
  CASE WHEN input IS NULL THEN 0 ELSE input * worth END AS input,
  CASE WHEN input IS NULL THEN 0 ELSE output * worth END AS output,
  CASE WHEN input IS NULL THEN 0 ELSE cache_read * worth END AS cache_read,
  CASE WHEN input IS NULL THEN 0 ELSE cache_write * worth END AS cache_write,
  coalesce(per_request, 0) * worth AS per_request,
  coalesce(per_second, 0) * worth AS per_second
FROM (
  SELECT provider, model, input::DOUBLE AS input, output::DOUBLE AS output,
    cache_read::DOUBLE AS cache_read, cache_write::DOUBLE AS cache_write,
    per_request::DOUBLE AS per_request, per_second::DOUBLE AS per_second,
    in_company_money(1, currency, $today)::DOUBLE AS worth, source
  FROM published.price_rates
  WHERE since <= $today AND $today < until
    AND (input IS NOT NULL OR per_request IS NOT NULL OR per_second IS NOT NULL)
)
WHERE worth IS NOT NULL
-- Where two say it, the plan's price book is the one that counts.
ORDER BY source = 'pricebook'
