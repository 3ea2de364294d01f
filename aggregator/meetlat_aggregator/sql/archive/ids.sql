-- Identities that the archive holds as counted (or withdrawn) in a range of event times.
SELECT a."time" AS "time", digest_of(decode(a.value)->>'$.source', decode(a.value)->>'$.id') AS digest
FROM read_parquet($files) AS a
WHERE a."time" BETWEEN $first AND $last AND a.verdict IN ('counted', 'void')
