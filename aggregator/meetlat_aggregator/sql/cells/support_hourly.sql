-- Questions about the AI tool itself.
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  said(e.tool) AS tool,
  said(e.feature) AS feature,
  said(e.team) AS team,
  said(e.segment) AS segment,
  said(e.topic) AS topic,
  sum(sign) AS requests
FROM staged_support_request AS e
GROUP BY ALL
