-- Selection counts per group: never beside a person.
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  said(e.tool) AS tool,
  said(e.team) AS team,
  said(e.segment) AS segment,
  e.dimension AS dimension,
  e.stage AS stage,
  said(e.assisted) AS assisted,
  said(e.period) AS period,
  e.entry.key AS "group",
  sum(sign) AS events,
  total(sign, e.entry.value) AS count
FROM (
  SELECT *, unnest(map_entries(counts)) AS entry FROM staged_selection_counts
) AS e
GROUP BY ALL
