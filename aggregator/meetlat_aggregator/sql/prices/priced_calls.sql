-- Calls with the costs that no event brought: `rates_at_hand` times tokens, calls and seconds.
-- A row holds the calls of one hour and model; one whose cost came with its events stays as it is.
-- Exact: fifteen decimals until the one rounding at the end. What cannot be said stays unpriced.
WITH calls AS ({calls}),
rated AS (
  SELECT c.*,
    CASE WHEN book.source IS NOT NULL THEN book ELSE library END AS rate
  FROM calls AS c
  -- The company's days for its own prices, UTC's for those of the library.
  LEFT JOIN rates_at_hand AS book
    ON book.source = 'pricebook' AND c.priced_requests = 0
    AND book.provider = c.provider AND book.model = c.model
    AND local_day(c.hour) >= book.since AND local_day(c.hour) < book.until
  LEFT JOIN rates_at_hand AS library
    ON library.source <> 'pricebook' AND c.priced_requests = 0
    AND library.provider = c.provider AND library.model = c.model
    AND c.hour::DATE >= library.since AND c.hour::DATE < library.until
),
charged AS (
  -- A price per token is for calls that say their tokens. Another one is for every call, but for
  -- those that failed without a sign of having been served.
  SELECT *,
    CASE WHEN rate.input IS NOT NULL OR status = 'error' THEN usage_requests ELSE requests
    END AS charged_requests
  FROM rated
),
costed AS (
  SELECT *,
    CASE
      WHEN charged_requests = 0 THEN NULL
      WHEN coalesce(rate.input, rate.per_request, rate.per_second) IS NULL THEN NULL
      -- Seconds are known of the row as a whole only.
      WHEN rate.per_second IS NOT NULL
        AND (duration_count <> requests OR charged_requests <> requests) THEN NULL
      ELSE TRY((
        cost_of(input_tokens, rate.input, rate.input)
        + cost_of(output_tokens, rate.output, rate.input)
        + cost_of(cache_read_tokens, rate.cache_read, rate.input)
        + cost_of(cache_write_tokens, rate.cache_write, rate.input)
        + charged_requests::DECIMAL(19, 0) * coalesce(rate.per_request, 0::DECIMAL(18, 9))
        + CASE WHEN rate.per_second IS NULL THEN 0
          ELSE duration_sum::DECIMAL(19, 0) * rate.per_second * 0.000001::DECIMAL(7, 6) END
      )::DECIMAL(38, 9))
    END AS computed
  FROM charged
)
SELECT * EXCLUDE (rate, charged_requests, computed) REPLACE (
    CASE WHEN computed IS NULL THEN currency ELSE rate.currency END AS currency,
    coalesce(computed, cost) AS cost,
    CASE WHEN computed IS NULL THEN priced_requests ELSE charged_requests END AS priced_requests,
    CASE WHEN computed IS NULL THEN unpriced_requests ELSE 0 END AS unpriced_requests
  ),
  CASE WHEN computed IS NOT NULL THEN rate.source WHEN priced_requests > 0 THEN 'event' ELSE ''
  END AS cost_source
FROM costed
