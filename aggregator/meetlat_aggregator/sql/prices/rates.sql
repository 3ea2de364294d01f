-- The rates at hand, of the models in the hours that are written. Filled from the price book.
CREATE OR REPLACE TEMP TABLE rates_at_hand (
  provider VARCHAR, model VARCHAR, since DATE, until DATE, currency VARCHAR,
  input DECIMAL(19, 15), output DECIMAL(19, 15), cache_read DECIMAL(19, 15),
  cache_write DECIMAL(19, 15), per_request DECIMAL(18, 9), per_second DECIMAL(18, 9),
  source VARCHAR, version VARCHAR, matched_model VARCHAR, note VARCHAR
);
CREATE OR REPLACE TEMP TABLE monthly_at_hand (
  day DATE, provider VARCHAR, model VARCHAR, currency VARCHAR, cost DECIMAL(38, 9)
)
