SELECT batch, seq, "partition", "offset", append_time, "time", type, verdict, value
FROM archive_tail ORDER BY batch, seq
