-- What the company's own SQL gave, of whichever shape.
CREATE OR REPLACE TEMP TABLE company_rows (
  kpi VARCHAR, day DATE, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR,
  hits DOUBLE, total DOUBLE, squares DOUBLE, n DOUBLE
)
