/** A session of a client program as its hooks see it: events on stdin, answers on stdout. */
import { expect } from 'bun:test';
import type { Machine, Result } from './machine.ts';

export const SESSION = '5f0c0000-0000-4000-8000-000000000001';
export const THREAD = '01a1fc6a-9165-7ba1-98a3-b72bfcc42999';

export type Event = Readonly<Record<string, unknown>>;

/** Runs the hook; it must have ended with 0 and written one JSON object or nothing. */
export async function hook(
  machine: Machine,
  event: Event | string,
  { env = {}, args = [] }: { env?: Record<string, string>; args?: string[] } = {},
): Promise<{ answer: Record<string, unknown> | undefined; result: Result }> {
  const stdin = typeof event === 'string' ? event : JSON.stringify(event);
  const result = await machine.run(['hook', ...args], { stdin, env });
  expect(result.code).toBe(0);
  if (result.stdout === '') return { answer: undefined, result };
  expect(result.stdout.trimEnd().split('\n')).toHaveLength(1);
  return { answer: JSON.parse(result.stdout) as Record<string, unknown>, result };
}

/** An event of Claude Code. */
export const claude = (name: string, more: Event = {}): Event => ({
  session_id: SESSION,
  transcript_path: '/nonexistent/transcript.jsonl',
  cwd: '/tmp',
  permission_mode: 'default',
  hook_event_name: name,
  ...more,
});

export function contextOf(answer: Record<string, unknown> | undefined): string {
  const specific = answer?.['hookSpecificOutput'] as Record<string, unknown> | undefined;
  const text = specific?.['additionalContext'];
  return typeof text === 'string' ? text : '';
}

export async function send(machine: Machine, to: string, body: string): Promise<string> {
  const { id } = await machine.json<{ id: string }>(['send', to, body]);
  return id;
}

export async function receipt(machine: Machine, id: string): Promise<Record<string, unknown>> {
  const { messages } = await machine.json<{ messages: { receipts: Record<string, unknown>[] }[] }>([
    'receipts',
    id,
  ]);
  return messages[0]?.receipts[0] ?? {};
}
