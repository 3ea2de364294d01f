-- Calls per hour: requests, waits (microseconds), tokens and cost.
SELECT
  c.hour, c.use_case, c.tool, c.feature, c.team, c.segment, c.provider, c.model, c.operation,
  c.prompt_version, c.status, c.error_type, c.currency,
  e.* EXCLUDE (cell, within_3_s, within_30_s),
  -- The house limits: a one-page text within 30 s, any other answer within 3 s.
  CASE WHEN c.status <> 'ok' THEN 0 WHEN c.operation = 'generate' THEN e.within_30_s
    ELSE e.within_3_s END AS on_time
FROM (
  SELECT
    cell,
    sum(sign) AS requests,
    times(sign, duration_us <= 3000000) AS within_3_s,
    times(sign, duration_us <= 30000000) AS within_30_s,
    total(sign, duration_us) AS duration_sum,
    known(sign, duration_us) AS duration_count,
    squares(sign, duration_us) AS duration_squares,
    total(sign, first_token_us) AS first_token_sum,
    known(sign, first_token_us) AS first_token_count,
    squares(sign, first_token_us) AS first_token_squares,
    total(sign, input_tokens) AS input_tokens,
    total(sign, cache_read_tokens) AS cache_read_tokens,
    total(sign, cache_write_tokens) AS cache_write_tokens,
    total(sign, output_tokens) AS output_tokens,
    total(sign, reasoning_tokens) AS reasoning_tokens,
    squares(sign, tokens) AS tokens_squares,
    known(sign, tokens) AS usage_requests,
    total(sign, cost_exact) AS cost,
    -- One call for more than a million is a mistake; its square must not overflow the sum.
    -- (`least` passes over a NULL: an unknown cost would be a million.)
    decimal_squares(
      sign, CASE WHEN cost_exact > 1000000 THEN 1000000 ELSE cost_exact END::DECIMAL(19, 9)
    ) AS cost_squares,
    known(sign, cost_exact) AS priced_requests,
    times(sign, cost_exact IS NULL AND tokens IS NOT NULL) AS unpriced_requests,
    total(sign, output_pages) AS output_pages,
    known(sign, output_pages) AS output_pages_count
  FROM staged_interaction GROUP BY cell
) AS e JOIN call_cells AS c ON c.cell = e.cell
