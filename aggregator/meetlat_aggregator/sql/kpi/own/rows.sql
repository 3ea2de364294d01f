-- What the company's own SQL gave when it last ran.
SELECT day, use_case, team, segment, part, {numbers} FROM company_rows WHERE kpi = '{id}'
