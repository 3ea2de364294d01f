SELECT [use_case, kpi] AS labels, target::DOUBLE AS value FROM kpi_current WHERE target IS NOT NULL
