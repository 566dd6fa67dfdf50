/**
 * What a token of the HTTP door may be good for. Plain data without zod, because commands that handle
 * tokens read it too. A row of the operations table names the one scope it asks for.
 */
export const scopes = ['check', 'kernel', 'manage', 'read', 'send'] as const;

/**
 * `send`: puts messages into mailboxes. `check`: empties the agent's own mailbox and says what it is doing.
 * `read`: looks, and changes nothing. `manage`: names and settings. `kernel`: runs code in kernels that the token's
 * agent may execute on.
 */
export type Scope = (typeof scopes)[number];

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}
