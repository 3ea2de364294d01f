SELECT count(*), min(append_time), max(append_time) FROM archive_tail
