-- What senders dropped, or what was refused to them, by their own account; oldest sources first.
SELECT [source, account || ':' || reason] AS labels, sum(total)::DOUBLE AS value,
  min(hour) AS since
FROM (
  SELECT source, started, account, reason, min(hour) AS hour, max(total) AS total
  FROM sender_totals WHERE account IN ('dropped', 'refused') GROUP BY ALL
)
GROUP BY ALL ORDER BY since, labels
