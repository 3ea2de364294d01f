-- A commit stores what was read; folding brings it into the cells and the row-level state, some
-- batches at a time. What was committed and not folded is in the archive.
ALTER TABLE progress ADD COLUMN folded BIGINT DEFAULT 0;
UPDATE progress SET folded = batches;
