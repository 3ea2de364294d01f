SELECT []::VARCHAR[] AS labels, count(*)::DOUBLE AS value FROM outbox WHERE NOT sent
