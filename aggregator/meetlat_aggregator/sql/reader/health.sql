-- What is missing in a stretch of time, by the account of senders and of the aggregator; and the
-- calls with tokens for which no price is known by now.
SELECT coalesce(sum(received), 0)::BIGINT AS received, coalesce(sum(dropped), 0)::BIGINT AS dropped,
  coalesce(sum(refused), 0)::BIGINT AS refused, coalesce(sum(late), 0)::BIGINT AS late,
  coalesce(sum(dead), 0)::BIGINT AS dead,
  (
    SELECT coalesce(sum(unpriced_requests), 0)::BIGINT FROM interactions_hourly
    WHERE hour >= $since AND hour < $until
  ) AS unpriced
FROM data_health WHERE hour >= $since AND hour < $until
