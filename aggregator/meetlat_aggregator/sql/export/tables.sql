-- Every published table and column with its comment; parts that values are made of are left out.
SELECT t.name AS "table", coalesce(t.comment, '') AS meaning, c.column_name AS "column",
  c.data_type AS type, coalesce(c.comment, '') AS column_meaning, t.is_view
FROM (
  SELECT table_oid AS oid, table_name AS name, comment, false AS is_view FROM duckdb_tables()
  WHERE NOT internal AND database_name = current_database()
  UNION ALL
  SELECT view_oid, view_name, comment, true FROM duckdb_views()
  WHERE NOT internal AND database_name = current_database()
) AS t JOIN duckdb_columns() AS c
  ON c.table_oid = t.oid AND c.table_name = t.name AND c.database_name = current_database()
WHERE t.name NOT IN (
  'kpi_components', 'kpi_buckets', 'kpi_months', 'kpi_month_buckets', 'kpi_pending'
)
ORDER BY t.name, c.column_index
