-- Every hour that a live table has rows of.
CREATE OR REPLACE TEMP TABLE stale AS
SELECT DISTINCT 'tasks' AS name, date_trunc('hour', moment) AS hour FROM tasks
UNION
SELECT DISTINCT 'conversations' AS name, date_trunc('hour', first_time) AS hour FROM conversations
UNION
SELECT DISTINCT 'uses' AS name, date_trunc('hour', first_time) AS hour FROM uses
