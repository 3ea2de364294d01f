-- What was committed since the last folding.
SELECT batch, seq, "partition", "offset", append_time, "time", type, verdict, value
FROM archived WHERE batch > (SELECT folded FROM progress) ORDER BY batch, seq
