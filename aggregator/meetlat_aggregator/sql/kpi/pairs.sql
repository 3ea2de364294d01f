-- What is compared for each row after go-live: its segments beside their baselines. A total that
-- has a baseline of its own by hand is compared with that one. What is composed weighs its segments
-- itself.
WITH live AS (
  SELECT n.* FROM kpi_now AS n JOIN kpi_periods AS p
    ON p.use_case = n.use_case AND p.period = n.period AND p.start = n.start
  JOIN plan_use_cases AS u ON u.use_case = n.use_case
  WHERE p.first >= u.go_live AND n.kpi IN (SELECT kpi FROM kpi_base)
),
composed AS (
  SELECT DISTINCT kpi FROM kpi_targets WHERE shape IN ('composed', 'formula')
),
by_hand AS (
  SELECT r.id, r.n, r.value, r.low, r.high, b.value AS base, b.low AS base_low,
    b.high AS base_high, b.n AS base_n, b.source
  FROM live AS r JOIN kpi_base AS b
    ON b.kpi = r.kpi AND b.use_case = r.use_case AND b.team = r.team AND b.part = r.part
  WHERE r.cut IN ('total', 'team') AND b.cut = r.cut AND b.source <> 'measured'
),
parts AS (
  SELECT r.id, s.n, s.value, s.low, s.high, s.kpi, s.use_case, s.team, s.segment, s.part, s.cut
  FROM live AS r JOIN live AS s
    ON s.kpi = r.kpi AND s.period = r.period AND s.start = r.start AND s.use_case = r.use_case
    AND s.part = r.part AND s.team = r.team
  WHERE r.kpi NOT IN (SELECT kpi FROM composed)
    AND ((r.cut = 'total' AND s.cut = 'segment') OR (r.cut = 'team' AND s.cut = 'both'))
  UNION ALL
  SELECT r.id, r.n, r.value, r.low, r.high, r.kpi, r.use_case, r.team, r.segment, r.part, r.cut
  FROM live AS r WHERE r.cut = 'segment' OR r.kpi IN (SELECT kpi FROM composed)
)
SELECT * FROM by_hand
UNION ALL
SELECT p.id, p.n, p.value, p.low, p.high, b.value AS base, b.low AS base_low,
  b.high AS base_high, b.n AS base_n, b.source
FROM parts AS p LEFT JOIN kpi_base AS b
  ON b.kpi = p.kpi AND b.use_case = p.use_case AND b.team = p.team AND b.segment = p.segment
  AND b.part = p.part AND b.cut = p.cut
WHERE p.id NOT IN (SELECT id FROM by_hand)
-- In an order that does not depend on how the rows came: nor do sums then.
ORDER BY ALL
