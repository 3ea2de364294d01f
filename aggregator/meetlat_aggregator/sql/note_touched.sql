-- What is published of these tables for these hours is no longer true.
INSERT INTO touched SELECT name, hour, $batch AS batch FROM parts
