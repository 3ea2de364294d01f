INSERT INTO seen
SELECT "time", digest, append_time FROM judged WHERE verdict IN ('counted', 'void') ORDER BY seq
