INSERT INTO late
SELECT e."time", e.append_time, e.type, e.source, e.id, e."partition", e."offset"
FROM events AS e JOIN judged AS j ON j.seq = e.seq WHERE j.verdict = 'late' ORDER BY e.seq
