-- What KPIs are made of, per local day, and added up per calendar month; an absent dimension is ''.
CREATE OR REPLACE TABLE published.kpi_components (
  kpi VARCHAR, day DATE, use_case VARCHAR DEFAULT '', team VARCHAR DEFAULT '',
  segment VARCHAR DEFAULT '', part VARCHAR DEFAULT '', assisted VARCHAR DEFAULT '',
  n DOUBLE, total DOUBLE, weight DOUBLE, squares DOUBLE
);
CREATE OR REPLACE TABLE published.kpi_buckets (
  kpi VARCHAR, day DATE, use_case VARCHAR DEFAULT '', team VARCHAR DEFAULT '',
  segment VARCHAR DEFAULT '', part VARCHAR DEFAULT '', assisted VARCHAR DEFAULT '',
  bucket INTEGER, count BIGINT
);
CREATE OR REPLACE TABLE published.kpi_months (
  kpi VARCHAR, month DATE, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR, cut VARCHAR,
  days DOUBLE, n DOUBLE, total DOUBLE, weight DOUBLE, squares DOUBLE, total_total DOUBLE,
  total_n DOUBLE, n_n DOUBLE
);
CREATE OR REPLACE TABLE published.kpi_month_buckets (
  kpi VARCHAR, month DATE, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR,
  bucket INTEGER, count BIGINT
);
-- What was put off: the tables say more of these days than the KPIs do.
CREATE OR REPLACE TABLE published.kpi_pending (kpi VARCHAR, day DATE);
