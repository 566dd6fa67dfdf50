-- From here on depth (of agent and message) also says by which word of a person a chain began, see
-- store/mailbox/chain-depth.ts: an older build would take that for a chain without end and hold everything.
-- What was counted so far began by none.
UPDATE agent SET depth = min(depth, 1022);

-- The longest chain of what ever arrived for the agent, read or not.
ALTER TABLE agent ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;
