DELETE FROM published.kpi_values WHERE period = 'hour' AND start < TIMESTAMP '{before}'
