INSERT INTO published.kpi_values BY NAME
-- Values with baseline, target, phase and status. The status is the first that applies.
WITH placed AS (
  SELECT n.*,
    -- Of what the plan names and nobody measured the baseline is told, to be compared with later.
    c.* EXCLUDE (id) REPLACE (
      coalesce(c.baseline, b.value) AS baseline, coalesce(c.baseline_n, b.n) AS baseline_n
    ),
    p.last AS last,
    coalesce(q.unit, t.unit) AS unit, coalesce(q.better, t.better) AS better,
    coalesce(q.shape, t.shape) AS shape, coalesce(q.minimum, t.minimum) AS minimum,
    -- A part that is something else than its KPI has no target.
    CASE WHEN q.kpi IS NULL THEN t.kind ELSE 'absolute' END AS kind,
    CASE WHEN q.kpi IS NULL THEN t.target_low END AS goal_low,
    CASE WHEN q.kpi IS NULL THEN t.target_high END AS goal_high,
    u.go_live, DATE '{today}' AS today,
    CASE WHEN u.go_live IS NULL THEN '' WHEN least(p.last, DATE '{today}') < u.go_live THEN 'baseline'
      WHEN least(p.last, DATE '{today}') < u.go_live + 7 THEN 'settling'
      WHEN least(p.last, DATE '{today}') < coalesce(u.review, u.go_live + 35) THEN 'early'
      WHEN least(p.last, DATE '{today}') < coalesce(u.review, u.go_live + 35) + 28 THEN 'review'
      ELSE 'monthly' END AS phase,
    -- A cohort is immature until half of its days had the time that finishing takes.
    t.maturity_days > 0 AND p.first + ((p.last - p.first) // 2)::INTEGER + t.maturity_days > DATE '{today}'
      AS immature,
    p.last >= DATE '{today}' - 1 AND coalesce(l.day, DATE '1970-01-01') < DATE '{today}' - 7 AS stale,
    coalesce(n.n, 0) < coalesce(q.minimum, t.minimum) AS few, w.trouble, w.trouble_nl,
    CASE WHEN n.part = '' THEN z.value END AS unconverted
  FROM kpi_now AS n
  JOIN kpi_periods AS p ON p.use_case = n.use_case AND p.period = n.period AND p.start = n.start
  JOIN kpi_targets AS t ON t.kpi = n.kpi AND t.use_case = n.use_case
  LEFT JOIN kpi_parts AS q ON q.kpi = n.kpi AND q.part = n.part
  LEFT JOIN kpi_compared AS c ON c.id = n.id
  LEFT JOIN kpi_base AS b ON b.kpi = n.kpi AND b.use_case = n.use_case AND b.part = n.part
    AND b.cut = n.cut AND n.cut = 'total' AND n.value IS NULL AND coalesce(n.n, 0) = 0
    AND n.verdict IS NULL
  LEFT JOIN plan_use_cases AS u ON u.use_case = n.use_case
  LEFT JOIN kpi_troubles AS w ON w.kpi = n.kpi
  LEFT JOIN (FROM kpi_now WHERE part = 'unconverted') AS z
    ON z.kpi = n.kpi AND z.period = n.period AND z.start = n.start AND z.use_case = n.use_case
    AND z.team = n.team AND z.segment = n.segment AND z.cut = n.cut
  LEFT JOIN kpi_last AS l ON l.kpi = n.kpi AND l.use_case = n.use_case
  WHERE n.period <> 'baseline' AND n.cut <> 'both'
    AND (n.cut = 'total' OR n.team <> '' OR n.segment <> '')
),
aimed AS (
  SELECT *,
    -- No percentage and no high percentile of so few.
    few AND unit = 'share' OR few AND shape = 'quantile' AS bare,
    -- A relative target in the KPI's unit: so much better than the baseline.
    CASE WHEN kind = 'absolute' THEN goal_low
      WHEN better = 'lower' THEN baseline * (1 - coalesce(goal_high, goal_low))
      ELSE baseline * (1 + goal_low) END AS target_low,
    CASE WHEN kind = 'absolute' THEN goal_high
      WHEN better = 'lower' THEN baseline * (1 - goal_low)
      ELSE baseline * (1 + goal_high) END AS target_high,
    -- What is judged, upwards: the improvement, or the value (downwards: its negative).
    CASE WHEN kind IN ('relative', 'trend') THEN improvement WHEN better = 'lower' THEN -value
      ELSE value END AS got,
    CASE WHEN kind IN ('relative', 'trend') THEN improvement_low WHEN better = 'lower' THEN -high
      ELSE low END AS got_low,
    CASE WHEN kind IN ('relative', 'trend') THEN improvement_high WHEN better = 'lower' THEN -low
      ELSE high END AS got_high,
    CASE WHEN kind = 'trend' THEN coalesce(goal_low, 0) WHEN kind = 'relative' THEN goal_low
      WHEN better = 'lower' THEN -coalesce(goal_high, goal_low) ELSE coalesce(goal_low, goal_high)
      END AS goal,
    CASE WHEN kind = 'relative' OR better <> 'lower' THEN goal_high
      WHEN goal_high IS NOT NULL THEN -goal_low END AS ceiling
  FROM placed
)
SELECT
  period, start::TIMESTAMP AS start, use_case, team, segment, part, kpi,
  CASE WHEN NOT bare THEN value END AS value, NULL::DATE AS value_date,
  CASE WHEN NOT bare THEN low END AS low, CASE WHEN NOT bare THEN high END AS high, coalesce(n, 0)::BIGINT AS n, unit,
  CASE WHEN unit = 'money' THEN '{currency}' ELSE '' END AS currency,
  baseline, baseline_n::BIGINT AS baseline_n, target_low, target_high,
  improvement, improvement_low, improvement_high,
  CASE WHEN estimated OR by_estimate THEN 'estimated' ELSE 'measured' END AS basis,
  phase,
  CASE
    WHEN verdict = 'suppressed' THEN verdict
    WHEN n IS NOT NULL AND n > 0 AND value IS NULL AND shape = 'weeks' THEN 'suppressed'
    WHEN coalesce(n, 0) = 0 AND (shape <> 'weeks' OR value IS NULL) THEN 'unknown'
    WHEN value IS NULL AND shape IN ('mean', 'ratio', 'sum') THEN 'unknown'
    WHEN stale THEN 'stale'
    WHEN value IS NULL AND verdict IS NOT NULL THEN verdict
    WHEN few OR value IS NULL THEN 'too few'
    WHEN phase IN ('baseline', 'settling', 'early') OR immature THEN 'provisional'
    WHEN verdict IS NOT NULL THEN verdict
    WHEN goal IS NULL AND baseline IS NULL THEN 'no baseline'
    WHEN kind IN ('relative', 'trend') AND baseline IS NULL THEN 'no baseline'
    WHEN kind IN ('relative', 'trend') AND improvement IS NULL THEN 'too few'
    WHEN goal IS NULL AND improvement IS NULL THEN 'too few'
    WHEN goal IS NULL AND improvement_low > 0 THEN 'on target'
    WHEN goal IS NULL AND improvement_high < 0 THEN 'off target'
    WHEN goal IS NULL THEN 'undecided'
    WHEN coalesce(got_low, got) >= goal THEN 'on target'
    WHEN coalesce(got_high, got) < goal THEN 'off target'
    ELSE 'undecided'
  END AS status,
  last + {close_after} < today AS closed,
  TIMESTAMP '{now}' AS as_of,
  counted, compared_value, compared_share, control_change,
  concat_ws('; ', trouble, said,
    CASE WHEN unconverted > 0 THEN
      printf('amounts left out, as the plan has no exchange rate for them: %.0f', unconverted)
    END,
    CASE WHEN got > ceiling AND NOT few THEN 'above a plausible upper end: check this' END,
    CASE WHEN compared_share < 1 THEN
      printf('%.0f %% has no baseline and is not compared', 100 * (1 - compared_share)) END,
    CASE WHEN immature AND phase NOT IN ('baseline', 'settling') THEN 'not all are finished yet' END,
    CASE WHEN few AND unit = 'share' AND counted IS NOT NULL THEN printf('%.0f of %.0f', counted, n) END
  ) AS remark,
  concat_ws('; ', trouble_nl, said_nl,
    CASE WHEN unconverted > 0 THEN
      printf('bedragen weggelaten, omdat het plan er geen wisselkoers voor heeft: %.0f', unconverted)
    END,
    CASE WHEN got > ceiling AND NOT few THEN 'boven wat aannemelijk is: controleer dit' END,
    CASE WHEN compared_share < 1 THEN
      printf('%.0f %% heeft geen nulmeting en wordt niet vergeleken', 100 * (1 - compared_share)) END,
    CASE WHEN immature AND phase NOT IN ('baseline', 'settling') THEN 'nog niet alles is afgerond' END,
    CASE WHEN few AND unit = 'share' AND counted IS NOT NULL THEN printf('%.0f van %.0f', counted, n) END
  ) AS remark_nl
FROM aimed
