SELECT file FROM archive_files WHERE last_batch > (SELECT batch FROM folding)
ORDER BY first_batch
