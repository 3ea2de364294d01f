-- Sums per hour of whole use cases, as `kpi/adding.py` gives them per period.
SELECT kpi, 'hour' AS period, hour AS start, use_case, '' AS team, '' AS segment, part,
  'total' AS cut, 1.0::DOUBLE AS days, sum(n) AS n, sum(total) AS total, sum(weight) AS weight,
  sum(squares) AS squares, sum(total) * sum(total) AS total_total, sum(total) * sum(n) AS total_n,
  sum(n) * sum(n) AS n_n
FROM kpi_hour_parts
WHERE local_day(hour) IN (SELECT day FROM kpi_days)
GROUP BY ALL
