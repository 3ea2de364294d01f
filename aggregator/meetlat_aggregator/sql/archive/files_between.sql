-- Files that may hold events of a range of event times, appended before a moment.
SELECT file FROM archive_files
WHERE max_time >= $first AND min_time <= $last AND min_append_time < $appended_before
ORDER BY first_batch
