-- Identities that the archive holds as counted (or withdrawn) in a range of event times.
SELECT a."time" AS "time", archived_digest(a.verdict, a.value) AS digest
FROM archived AS a
WHERE a."time" BETWEEN $first AND $last AND a.verdict IN ('counted', 'void')
