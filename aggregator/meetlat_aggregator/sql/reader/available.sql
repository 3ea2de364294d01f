-- Which periods there are values of, from the first to the last; the spelling is the program's.
SELECT period, min(start) AS first, max(start) AS last FROM kpi_values
WHERE period <> 'hour' AND ($use_case IS NULL OR use_case = $use_case)
GROUP BY period ORDER BY period
