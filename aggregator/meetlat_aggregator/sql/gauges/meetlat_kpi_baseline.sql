SELECT [use_case, kpi] AS labels, baseline::DOUBLE AS value FROM kpi_current WHERE baseline IS NOT NULL
