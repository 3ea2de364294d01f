SELECT [use_case, kpi] AS labels, value::DOUBLE AS value FROM kpi_current WHERE value IS NOT NULL
