INSERT INTO late
SELECT "time", append_time, type, source, id, "partition", "offset"
FROM judged WHERE verdict = 'late' ORDER BY seq
