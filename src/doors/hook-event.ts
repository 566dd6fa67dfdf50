/**
 * `doors/` puts messages in front of models and people: hooks, monitor lines, notices. It stands on
 * protocol/, system/ and present/ and gets its way to the daemon handed in; it knows no socket and no verb.
 *
 * This file reads what a client program says to a hook. Claude Code, Codex, Gemini CLI, VS Code and
 * Cursor are told apart by the shape of what they write (seen with Claude Code 2.1.329 and Codex
 * 0.169.0; the others as documented in 2026).
 */

export type HookClient = 'claude-code' | 'codex' | 'gemini-cli' | 'vscode' | 'cursor';

/** What happened, whatever the client calls it. */
export type HookMoment = 'start' | 'prompt' | 'tool' | 'stop' | 'end';

export interface HookEvent {
  readonly client: HookClient;
  readonly moment: HookMoment;
  /** As the client calls it; an answer must name it. */
  readonly name: string;
  readonly session: string;
  readonly transcript: string | undefined;
  readonly prompt: string;
  /** Why a session started or ended: startup, resume, clear, compact … */
  readonly source: string;
  /** The agent goes on because a hook of this moment said so, and how often in a row when the client counts. */
  readonly goingOn: boolean;
  readonly rounds: number;
  /** It happened to a subagent, whose context is not the session's. */
  readonly subagent: boolean;
}

const moments: Readonly<Record<string, HookMoment>> = {
  SessionStart: 'start',
  sessionStart: 'start',
  UserPromptSubmit: 'prompt',
  BeforeAgent: 'prompt',
  beforeSubmitPrompt: 'prompt',
  PostToolUse: 'tool',
  PostToolBatch: 'tool',
  AfterTool: 'tool',
  postToolUse: 'tool',
  Stop: 'stop',
  AfterAgent: 'stop',
  stop: 'stop',
  SessionEnd: 'end',
  sessionEnd: 'end',
};

/** Ids become part of a file's name and of a line in it. */
const ID = /^[\w.:@/-]{1,200}$/;

/** Undefined: an event that is none of ours. Throws when it is no hook's input at all. */
export function parseHookEvent(text: string, environmentId?: string): HookEvent | undefined {
  const input: unknown = JSON.parse(text);
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new TypeError('wanted a JSON object');
  const read = (...names: readonly string[]): string | undefined => {
    for (const name of names) {
      const value = (input as Record<string, unknown>)[name];
      if (typeof value === 'string' && value !== '') return value;
    }
    return undefined;
  };
  const flag = (name: string): boolean => (input as Record<string, unknown>)[name] === true;
  const name = read('hook_event_name', 'hookEventName');
  const session = read('session_id', 'sessionId', 'conversation_id');
  if (name === undefined || session === undefined)
    throw new TypeError('wanted the name of an event and the id of a session');
  if (!ID.test(session)) throw new TypeError('wanted the id of a session, found something else');
  const moment = Object.hasOwn(moments, name) ? moments[name] : undefined;
  if (moment === undefined) return undefined;
  const rounds = (input as Record<string, unknown>)['loop_count'];
  return {
    client: clientOf(input, { session, environmentId }),
    moment,
    name,
    session,
    transcript: read('transcript_path', 'transcriptPath'),
    prompt: read('prompt') ?? '',
    source: read('source', 'reason') ?? '',
    goingOn: flag('stop_hook_active') || (typeof rounds === 'number' && rounds > 0),
    rounds: typeof rounds === 'number' ? rounds : 0,
    subagent: read('agent_id') !== undefined,
  };
}

/** Codex took over Claude Code's shape; its thread ids are UUIDv7 and its transcripts called rollout. */
function clientOf(
  input: object,
  { session, environmentId }: { session: string; environmentId: string | undefined },
): HookClient {
  if ('conversation_id' in input || 'cursor_version' in input) return 'cursor';
  if ('hookEventName' in input || 'sessionId' in input) return 'vscode';
  if ('timestamp' in input) return 'gemini-cli';
  if (session === environmentId) return 'claude-code';
  const transcript = 'transcript_path' in input ? input.transcript_path : undefined;
  const rollout = typeof transcript === 'string' && /[\\/]rollout-[^\\/]*$/.test(transcript);
  const version7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(session);
  return rollout || 'turn_id' in input || version7 ? 'codex' : 'claude-code';
}
