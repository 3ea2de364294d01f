SELECT batch, seq, "partition", "offset", error, value, cut FROM outbox WHERE NOT sent
ORDER BY batch, seq LIMIT $limit
