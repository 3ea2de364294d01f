-- Tasks by the day on which they were finished; open ones by the day of their last news.
-- Handling includes rework, also where the sender keeps rework apart.
WITH t AS (
  SELECT
    local_day(moment) AS day,
    use_case, process, step,
    said(tool) AS tool, said(feature) AS feature, said(team) AS team,
    said(segment) AS segment,
    said(assisted) AS assisted, said(automated) AS automated, said(outcome) AS outcome,
    said(currency) AS currency,
    CASE WHEN finished IS NULL THEN 'open' ELSE 'finished' END AS state,
    CASE WHEN rework_in_handling = false AND handling IS NOT NULL
      THEN handling + coalesce(rework, 0) ELSE handling END AS handling,
    rework AS rework,
    date_diff('microsecond', coalesce(requested, started), finished) AS lead_time,
    date_diff('microsecond', requested, first_draft) AS draft_time,
    revisions AS revisions, errors AS errors, quality AS quality,
    takeover_share AS takeover, template_reused AS template_reused, value AS value
  FROM tasks
  WHERE moment BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
    AND local_day(moment) IN (SELECT part FROM chunk)
)
SELECT
  t.day AS day, t.use_case AS use_case, t.process AS process, t.step AS step, t.tool AS tool,
  t.feature AS feature,
  CASE WHEN t.team = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team,
  t.segment AS segment, t.assisted AS assisted, t.automated AS automated, t.outcome AS outcome,
  t.currency AS currency, t.state AS state,
  count(*) AS tasks,
  total(1, handling) AS handling_sum, known(1, handling) AS handling_count,
  squares(1, handling) AS handling_squares,
  total(1, rework) AS rework_sum, known(1, rework) AS rework_count,
  squares(1, rework) AS rework_squares,
  total(1, lead_time) AS lead_time_sum, known(1, lead_time) AS lead_time_count,
  squares(1, lead_time) AS lead_time_squares,
  total(1, draft_time) AS draft_time_sum, known(1, draft_time) AS draft_time_count,
  squares(1, draft_time) AS draft_time_squares,
  total(1, revisions) AS revisions_sum, known(1, revisions) AS revisions_count,
  squares(1, revisions) AS revisions_squares,
  times(1, revisions = 0) AS without_revision, times(1, revisions <= 2) AS at_most_2_revisions,
  total(1, errors) AS errors_sum, known(1, errors) AS errors_count,
  squares(1, errors) AS errors_squares, times(1, errors > 0) AS with_errors,
  total(1, quality) AS quality_sum, known(1, quality) AS quality_count,
  decimal_squares(1, quality::DECIMAL(19, 6)) AS quality_squares,
  times(1, quality >= 7) AS quality_at_least_7,
  total(1, takeover) AS takeover_sum, known(1, takeover) AS takeover_count,
  decimal_squares(1, takeover::DECIMAL(19, 6)) AS takeover_squares,
  times(1, template_reused) AS template_reused, known(1, template_reused) AS template_reused_count,
  total(1, value) AS value_sum, known(1, value) AS value_count,
  decimal_squares(1, value::DECIMAL(19, 4)) AS value_squares
FROM t LEFT JOIN teams AS s ON s.week = week_of(t.day) AND s.team = t.team
GROUP BY ALL
