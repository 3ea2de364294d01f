-- Calls with their exact measures: microseconds, and money as decimals.
SELECT
  *,
  microseconds(duration) AS duration_us,
  microseconds(first_token) AS first_token_us,
  CASE WHEN coalesce(input_tokens, cache_read_tokens, cache_write_tokens, output_tokens) IS NOT NULL
    THEN coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0)
      + coalesce(cache_write_tokens, 0) + coalesce(output_tokens, 0) END AS tokens,
  cost::DECIMAL(18, 9) AS cost_exact
FROM staged
