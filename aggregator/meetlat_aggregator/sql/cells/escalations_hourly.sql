-- Hand-overs to a human, by reason.
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  e.tool AS tool,
  said(e.feature) AS feature,
  said(e.team) AS team,
  said(e.segment) AS segment,
  said(e.reason) AS reason,
  said(e."to") AS "to",
  sum(sign) AS escalations
FROM staged_escalation AS e
GROUP BY ALL
