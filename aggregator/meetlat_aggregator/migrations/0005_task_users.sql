-- Whose task it was, as a pseudonym: kept only while the plan records an agreement.
ALTER TABLE tasks ADD COLUMN "user" VARCHAR;
