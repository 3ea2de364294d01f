-- Parts of days, and of whole months per cut, in an order that does not depend on how they came.
SELECT * FROM (
  SELECT c.kpi, coalesce(c.use_case, '') AS use_case, coalesce(c.team, '') AS team,
    coalesce(c.segment, '') AS segment, coalesce(c.part, '') AS part, c.day AS first,
    CASE WHEN c.kpi IN ({weekly}) THEN c.day + 6 ELSE c.day END AS last,
    false AS month, c.kpi IN ({weekly}) AS weekly, '' AS cut, c.n, c.total, c.weight, c.squares,
    NULL::DOUBLE AS days, NULL::DOUBLE AS total_total, NULL::DOUBLE AS total_n, NULL::DOUBLE AS n_n
  FROM published.kpi_components AS c
  WHERE c.day BETWEEN DATE '{first}' AND DATE '{last}' AND c.kpi IN ({kpis}) AND {among}
  UNION ALL
  SELECT m.kpi, m.use_case, m.team, m.segment, m.part, m.month AS first, last_day(m.month) AS last,
    true AS month, false AS weekly, m.cut, m.n, m.total, m.weight, m.squares,
    m.days, m.total_total, m.total_n, m.n_n
  FROM published.kpi_months AS m
  WHERE m.month BETWEEN DATE '{first}' AND DATE '{last}' AND m.kpi IN ({kpis}) AND {months}
)
ORDER BY ALL
