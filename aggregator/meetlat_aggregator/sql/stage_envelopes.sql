CREATE OR REPLACE TEMP TABLE staged_envelope AS
SELECT append_time, "time", source, verdict, $sign::TINYINT AS sign FROM heads
