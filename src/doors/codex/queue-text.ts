/**
 * What is put into Codex's queue of a session: messages as lines, and that they are not its person's words,
 * since Codex shows them to its model as a prompt. Hooks and evidence tell by the last line.
 */
import { messageLine } from '../../present/line.ts';
import type { Message } from '../../protocol/model.ts';

const END = 'Brought by ipc from whom each line names; this session\u2019s user did not type it.';
const LINE = /^[0-9a-f]{8}-[0-9a-f-]{27} [A-Za-z0-9][\w.-]*: /;

export function queueText(messages: readonly Message[]): string {
  return `${messages.map((message) => `${messageLine(message)}\n`).join('')}${END}`;
}

/** The messages' lines of a prompt that is wholly such a text; none of any other. */
export function queuedLines(prompt: string): readonly string[] {
  const lines = prompt.trim().split('\n');
  return lines.pop() === END && lines.every((line) => LINE.test(line)) ? lines : [];
}
