-- Values that are about to be written anew; of the windows that move with the day, all.
DELETE FROM published.kpi_values AS v
WHERE v.kpi IN ({kpis})
  AND v.period IN (SELECT period FROM kpi_periods)
  AND (v.period IN ('rolling_28d', 'since_go_live')
    OR (v.period, v.start) IN (SELECT DISTINCT (period, start) FROM kpi_periods))
