-- Conversations by the day they began. Silence of 30 minutes ends one, and seven days make it
-- mature, both judged by the watermark: how far the log has been read.
WITH c AS (
  SELECT
    local_day(first_time) AS day,
    said(use_case) AS use_case, said(tool) AS tool, said(feature) AS feature,
    said(team) AS team, said(segment) AS segment, said(channel) AS channel,
    last_time + INTERVAL 30 MINUTE <= p.watermark AS ended,
    last_time + INTERVAL 7 DAY <= p.watermark AS mature,
    turns, escalations > 0 AS handed_over, reopened > 0 OR outcome = 'reopened' AS reopened,
    outcome AS outcome, "by" AS "by", ticket AS ticket
  FROM conversations, progress AS p
  WHERE first_time BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
    AND local_day(first_time) IN (SELECT part FROM chunk)
)
SELECT
  c.day AS day, c.use_case AS use_case, c.tool AS tool, c.feature AS feature,
  CASE WHEN c.team = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team,
  c.segment AS segment, c.channel AS channel,
  count(*) AS conversations,
  times(1, ended) AS ended, times(1, mature) AS mature,
  total(1, turns) AS turns_sum, squares(1, turns) AS turns_squares,
  times(1, handed_over) AS handed_over,
  times(1, mature AND handed_over) AS mature_handed_over,
  times(1, c.reopened) AS reopened,
  times(1, outcome = 'resolved' AND "by" = 'bot') AS resolved_by_bot,
  times(1, outcome = 'resolved' AND "by" = 'bot' AND ticket IS DISTINCT FROM true)
    AS resolved_without_ticket,
  times(1, outcome = 'resolved' AND "by" = 'human') AS resolved_by_human,
  times(1, outcome = 'unresolved') AS unresolved,
  times(1, outcome = 'abandoned') AS abandoned,
  times(1, outcome IS NULL AND ended) AS silent,
  times(1, mature AND outcome = 'resolved' AND "by" = 'bot' AND NOT handed_over
    AND NOT c.reopened) AS first_contact,
  times(1, ticket) AS tickets, known(1, ticket) AS tickets_count
FROM c LEFT JOIN teams AS s ON s.week = week_of(c.day) AND s.team = c.team
GROUP BY ALL
