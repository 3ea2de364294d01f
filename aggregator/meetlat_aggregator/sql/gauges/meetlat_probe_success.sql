SELECT [tool, location] AS labels, success::INTEGER::DOUBLE AS value FROM last_probes
