-- The value is in the dead-letter topic and in the archive; the outbox keeps the account only.
UPDATE outbox SET sent = true, value = NULL
WHERE NOT sent AND (batch < $batch OR (batch = $batch AND seq <= $seq))
