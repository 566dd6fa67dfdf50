-- Times are wall-clock milliseconds, except lease.until (a clock that never jumps, see core/ports.ts).

CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- cursor: no message.seq, delivery.place or lease.id beyond it was given out; one space, never reused.
-- indexed: the newest message.seq that is in message_index.
-- agent_name: the N of the newest agent-N.
-- filed: the newest number whose row is in the indexes of its mailbox and its sender (see store/mailbox/filing.ts).
INSERT INTO counter (name, value) VALUES ('cursor', 0), ('indexed', 0), ('agent_name', 0), ('filed', 0);

-- kind is null while nobody has taken the name (unborn); name_key is null once the agent was removed:
-- the row stays for the names in receipts and the ids in messages. AUTOINCREMENT because the search
-- index knows agents by id.
CREATE TABLE agent (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  name_key TEXT UNIQUE,
  kind TEXT,
  key_hash BLOB,
  created_at INTEGER NOT NULL,
  seen_at INTEGER,
  about TEXT,
  paused_until REAL,
  depth INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0,
  delayed INTEGER NOT NULL DEFAULT 0,
  last_from INTEGER,
  auto_named INTEGER NOT NULL DEFAULT 0,
  anchor_pid INTEGER,
  anchor_started TEXT,
  confirmed_doors TEXT NOT NULL DEFAULT '[]'
) STRICT;

CREATE INDEX agent_unborn ON agent (id) WHERE kind IS NULL AND name_key IS NOT NULL;
CREATE INDEX agent_auto ON agent (id) WHERE auto_named = 1 AND name_key IS NOT NULL;
CREATE INDEX agent_gone ON agent (id) WHERE name_key IS NULL;
CREATE INDEX agent_paused ON agent (paused_until) WHERE paused_until IS NOT NULL;

INSERT INTO agent (name, name_key, kind, created_at) VALUES ('system', 'system', 'system', 0);

-- Every older name points at the agent itself, so a chain of renames is one step long.
CREATE TABLE forward (
  name_key TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  agent INTEGER NOT NULL REFERENCES agent (id),
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX forward_agent ON forward (agent);

-- body is last: whatever else is read of a message must not walk its overflow pages.
CREATE TABLE message (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  sender INTEGER NOT NULL,
  sender_name TEXT NOT NULL,
  sender_kind TEXT NOT NULL,
  verified INTEGER NOT NULL,
  client TEXT,
  directory TEXT,
  addressed TEXT NOT NULL,
  thread TEXT NOT NULL,
  reply_to TEXT,
  forward_of TEXT,
  intent TEXT NOT NULL,
  priority TEXT NOT NULL,
  depth INTEGER NOT NULL,
  sent_at INTEGER NOT NULL,
  not_before INTEGER,
  expires_at INTEGER,
  digest BLOB NOT NULL,
  data TEXT,
  attachments TEXT,
  body_blob TEXT,
  body TEXT NOT NULL
) STRICT;

-- Most messages are alone in the thread they are named after, and are found by their id.
CREATE INDEX message_thread ON message (thread, seq) WHERE thread <> id;
CREATE INDEX message_reply ON message (reply_to) WHERE reply_to IS NOT NULL;
CREATE INDEX message_forward ON message (forward_of) WHERE forward_of IS NOT NULL;

-- What each agent sent; written behind the sends, from counter 'filed' on.
CREATE TABLE sent (
  sender INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (sender, seq)
) STRICT, WITHOUT ROWID;

-- One message for one agent. place is its place in the order of arrival; a row that has not arrived
-- (held, or not due) gets a new one when it does. due_at: set while it waits for its notBefore.
-- filed: 0 while it is known to its mailbox in memory only. No reference to agent: looking for what refers
-- to one would need an index of all rows.
CREATE TABLE delivery (
  place INTEGER PRIMARY KEY,
  message INTEGER NOT NULL REFERENCES message (seq) ON DELETE CASCADE,
  agent INTEGER NOT NULL,
  filed INTEGER NOT NULL,
  arrived INTEGER NOT NULL,
  state TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  lease INTEGER,
  due_at INTEGER,
  expires_at INTEGER,
  offered_at INTEGER,
  handed_at INTEGER,
  seen_at INTEGER,
  acked_at INTEGER,
  ended_at INTEGER,
  reminder INTEGER,
  door TEXT,
  offered_by TEXT,
  reason TEXT,
  asked TEXT NOT NULL,
  forwarded INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX delivery_message ON delivery (message, agent);
CREATE INDEX delivery_agent ON delivery (agent, place) WHERE filed = 1;
-- Partial: their size is that of what is unfinished, not of what is stored.
CREATE INDEX delivery_unread ON delivery (agent, place) WHERE filed = 1 AND arrived = 1 AND state IN ('queued', 'offered');
CREATE INDEX delivery_held ON delivery (agent, place) WHERE state = 'held';
CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_expiry ON delivery (expires_at)
  WHERE expires_at IS NOT NULL AND state IN ('queued', 'offered', 'held');
CREATE INDEX delivery_open ON delivery (agent) WHERE reminder = 1;
CREATE INDEX delivery_outcome ON delivery (state, message)
  WHERE state IN ('held', 'expired', 'refused', 'dead', 'cancelled');

-- One fetch of one reader. A delivery whose lease is not here any more is free: giving back a thousand
-- messages deletes one row.
CREATE TABLE lease (
  id INTEGER PRIMARY KEY,
  agent INTEGER NOT NULL,
  reader TEXT NOT NULL,
  until REAL NOT NULL
) STRICT;

CREATE INDEX lease_reader ON lease (reader);
CREATE INDEX lease_agent ON lease (agent);
CREATE INDEX lease_until ON lease (until);

CREATE TABLE topic (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE membership (
  topic INTEGER NOT NULL REFERENCES topic (id) ON DELETE CASCADE,
  agent INTEGER NOT NULL REFERENCES agent (id),
  since INTEGER NOT NULL,
  PRIMARY KEY (topic, agent)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_agent ON membership (agent);

CREATE TABLE mute (
  agent INTEGER NOT NULL REFERENCES agent (id),
  sender INTEGER NOT NULL REFERENCES agent (id),
  since INTEGER NOT NULL,
  PRIMARY KEY (agent, sender)
) STRICT, WITHOUT ROWID;

CREATE INDEX mute_sender ON mute (sender);

CREATE TABLE message_blob (
  sha256 TEXT NOT NULL,
  message INTEGER NOT NULL REFERENCES message (seq) ON DELETE CASCADE,
  PRIMARY KEY (sha256, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_blob_message ON message_blob (message);

-- Blobs that lost their last message; told to the caller twice, since a crash may lose the first telling.
CREATE TABLE orphan (
  sha256 TEXT PRIMARY KEY,
  told INTEGER NOT NULL DEFAULT 0,
  tell_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Written behind the sends, from counter 'indexed' on; row 2^40 - n is message n. party holds a<id> for the sender and each
-- recipient: searching one mailbox costs what that mailbox holds, not what the store holds.
CREATE VIRTUAL TABLE message_index USING fts5 (
  body, files, party,
  content = '', contentless_delete = 1,
  tokenize = 'unicode61 remove_diacritics 2', prefix = '3'
);

-- The sweep joins the parts of the index two by two: a search looks into each of them.
INSERT INTO message_index (message_index, rank) VALUES ('usermerge', 2);
