SELECT [tool, location] AS labels, result.v.success::INTEGER::DOUBLE AS value FROM last_probes
