-- What a hook or a tool handed to a model and the model has not been shown to have seen: a hook asks for it
-- at each of its events. Holds what models are handed only, and each until it is seen.
CREATE INDEX delivery_unproven ON delivery (agent, handed_at)
  WHERE state = 'handed' AND door IN ('tool', 'hook');
