-- Calls per hour: requests, waits (microseconds), tokens and cost.
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  e.tool AS tool,
  said(e.feature) AS feature,
  said(e.team) AS team,
  said(e.segment) AS segment,
  said(e.provider) AS provider,
  said(e.model) AS model,
  said(e.operation) AS operation,
  said(e.prompt_version) AS prompt_version,
  e.status AS status,
  said(e.error_type) AS error_type,
  said(e.currency) AS currency,
  sum(sign) AS requests,
  -- The house limits: a one-page text within 30 s, any other answer within 3 s.
  times(
    sign,
    e.status = 'ok' AND duration_us <= CASE WHEN e.operation = 'generate' THEN 30000000 ELSE 3000000 END
  ) AS on_time,
  total(sign, duration_us) AS duration_sum,
  known(sign, duration_us) AS duration_count,
  squares(sign, duration_us) AS duration_squares,
  total(sign, first_token_us) AS first_token_sum,
  known(sign, first_token_us) AS first_token_count,
  squares(sign, first_token_us)
    AS first_token_squares,
  total(sign, e.input_tokens) AS input_tokens,
  total(sign, e.cache_read_tokens) AS cache_read_tokens,
  total(sign, e.cache_write_tokens) AS cache_write_tokens,
  total(sign, e.output_tokens) AS output_tokens,
  total(sign, e.reasoning_tokens) AS reasoning_tokens,
  squares(sign, tokens) AS tokens_squares,
  known(sign, tokens) AS usage_requests,
  total(sign, cost_exact) AS cost,
  -- One call for more than a million is a mistake; its square must not overflow the sum.
  decimal_squares(sign, least(cost_exact, 1000000)::DECIMAL(19, 9)) AS cost_squares,
  known(sign, cost_exact) AS priced_requests,
  times(sign, cost_exact IS NULL AND tokens IS NOT NULL)
    AS unpriced_requests,
  total(sign, e.output_pages) AS output_pages,
  known(sign, e.output_pages) AS output_pages_count
FROM staged_interaction AS e
GROUP BY ALL
