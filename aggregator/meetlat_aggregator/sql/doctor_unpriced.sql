-- Per tool and model, in the last days: calls with tokens, and those for which no price is known.
SELECT tool, model, sum(unpriced_requests)::BIGINT AS unpriced, sum(usage_requests)::BIGINT AS used
FROM interactions_hourly WHERE hour >= $since GROUP BY tool, model
HAVING sum(unpriced_requests) > 0.01 * sum(usage_requests) ORDER BY tool, model
