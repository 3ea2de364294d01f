-- Sums of whole calendar months per cut, as quarters and years are made of them.
INSERT INTO published.kpi_months BY NAME
WITH cuts AS (
{cuts}
)
SELECT kpi, date_trunc('month', day)::DATE AS month, use_case, team, segment, part, cut,
  count(*)::DOUBLE AS days, fsum(n) AS n, fsum(total) AS total, fsum(weight) AS weight,
  fsum(squares) AS squares, fsum(total * total) AS total_total, fsum(total * n) AS total_n,
  fsum(n * n) AS n_n
FROM cuts
GROUP BY ALL
