-- The last batch that was folded stands in a table of its own: folding goes on beside commits, and
-- two transactions cannot change one row.
CREATE TABLE folding (batch BIGINT);
INSERT INTO folding SELECT folded FROM progress;
ALTER TABLE progress DROP COLUMN folded;
