-- Values of months: of the whole, per team and per segment; the newest months first.
SELECT v.*, c.title_en, c.title_nl, u.name
FROM kpi_values AS v LEFT JOIN kpi_catalog AS c USING (kpi) LEFT JOIN use_cases AS u USING (use_case)
WHERE v.period = 'month' AND v.part = '' AND (v.team = '' OR v.segment = '')
  AND v.status <> 'unknown' AND ($use_case IS NULL OR v.use_case = $use_case)
  AND ($since IS NULL OR (v.start >= $since AND v.start < $until))
ORDER BY v.start DESC, v.use_case, c.level, v.kpi, v.team, v.segment
LIMIT $most
