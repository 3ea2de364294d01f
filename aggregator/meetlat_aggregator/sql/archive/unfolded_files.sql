SELECT file FROM archive_files WHERE last_batch > (SELECT folded FROM progress)
ORDER BY first_batch
