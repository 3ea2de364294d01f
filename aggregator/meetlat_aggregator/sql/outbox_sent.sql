-- The value is in the dead-letter topic and in the archive; the outbox keeps the account only.
UPDATE outbox SET sent = true, value = NULL WHERE "partition" = ? AND "offset" = ?
