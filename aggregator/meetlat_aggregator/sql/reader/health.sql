-- What is missing in a stretch of time, by the account of senders and of the aggregator.
SELECT coalesce(sum(received), 0)::BIGINT AS received, coalesce(sum(dropped), 0)::BIGINT AS dropped,
  coalesce(sum(refused), 0)::BIGINT AS refused, coalesce(sum(late), 0)::BIGINT AS late,
  coalesce(sum(dead), 0)::BIGINT AS dead, coalesce(sum(unpriced), 0)::BIGINT AS unpriced
FROM data_health WHERE hour >= $since AND hour < $until
