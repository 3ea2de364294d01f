-- Uses of a feature without a model call.
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  e.tool AS tool,
  said(e.feature) AS feature,
  said(e.team) AS team,
  said(e.segment) AS segment,
  said(e.action) AS action,
  said(e.template) AS template,
  sum(sign) AS events,
  total(sign, e.count) AS uses
FROM staged_usage AS e
GROUP BY ALL
