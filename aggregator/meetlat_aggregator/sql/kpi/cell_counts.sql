-- How many parts of each KPI the periods at hand are made of.
SELECT kpi, count(*) FROM published.{table} AS c
WHERE c.day BETWEEN DATE '{first}' AND DATE '{last}' AND c.kpi IN ({kpis}) AND {among}
GROUP BY kpi
