SELECT [use_case, kpi] AS labels, n::DOUBLE AS value FROM kpi_current WHERE n IS NOT NULL
