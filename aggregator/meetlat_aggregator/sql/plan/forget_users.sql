-- Without an agreement nothing says whose task it was.
UPDATE tasks
SET "user" = NULL, older = [x FOR x IN older IF x.field <> 'user']
WHERE "user" IS NOT NULL
