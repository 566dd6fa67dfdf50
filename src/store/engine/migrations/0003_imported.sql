-- Messages taken over from another system, by the id made of where they stood there. A second import adds nothing,
-- not even what retention has let go since, so the rows stay. at: when; retention counts from then.
CREATE TABLE imported (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- 1: taken over from another system; no door pushes it.
ALTER TABLE delivery ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;
