-- One row per task that began, was drafted, decided or finished on one of the days at hand: by
-- which of them a KPI places it is the KPI's own. As `case_rows`: all tasks of their cases. Handling includes rework,
-- also where the sender keeps rework apart. Times are UTC, days the company's own. What ends in `_us` is
-- in microseconds, by the calendar or in working hours as the plan says; `begin_us`, `finished_us` and
-- `now_us` are moments, of which only differences mean anything.
SELECT
  coalesce(nullif(t.use_case, ''), pt.use_case, '') AS use_case,
  t.process AS process, t.step AS step, t."case" AS "case",
  said(t.tool) AS tool, said(t.feature) AS feature,
  CASE WHEN said(t.team) = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team,
  said(t.segment) AS segment, said(t.assisted) AS assisted, said(t.automated) AS automated,
  said(t.outcome) AS outcome, said(t.currency) AS currency,
  t.requested AS requested, t.started AS started, t.first_draft AS first_draft,
  t.finished AS finished, t.decided AS decided,
  CASE WHEN t.rework_in_handling = false AND t.handling IS NOT NULL
    THEN t.handling + coalesce(t.rework, 0) ELSE t.handling END / 1e6 AS handling,
  t.rework / 1e6 AS rework,
  t.revisions AS revisions, t.errors AS errors, t.quality AS quality,
  t.takeover_share AS takeover, t.template_reused AS template_reused, t.value AS value,
  t.began AS began, t.day AS day,
  {clock}(u.hours, t.begin_at) AS begin_us, {clock}(u.hours, t.finished) AS finished_us,
  {clock}(u.hours, greatest(t.begin_at, TIMESTAMP '{now}')) AS now_us,
  {clock}(u.hours, t.finished) - {clock}(u.hours, t.begin_at) AS lead_us,
  {clock}(u.hours, t.first_draft) - {clock}(u.hours, t.requested) AS draft_us,
  CASE WHEN t.finished IS NULL
    THEN {clock}(u.hours, greatest(t.begin_at, TIMESTAMP '{now}')) - {clock}(u.hours, t.begin_at)
    END AS age_us
FROM (
  SELECT *, coalesce(requested, started) AS begin_at,
    local_day(coalesce(requested, started)) AS began, local_day(finished) AS day
  FROM tasks
  WHERE {among}
) AS t
LEFT JOIN plan_tools AS pt ON t.use_case = '' AND pt.tool = t.tool
LEFT JOIN plan_use_cases AS u ON u.use_case = coalesce(nullif(t.use_case, ''), pt.use_case, '')
LEFT JOIN teams AS s ON s.week = week_of(coalesce(t.day, local_day(t.last_time)))
  AND s.team = t.team
