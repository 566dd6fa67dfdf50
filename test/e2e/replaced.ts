/** Rows of the tables of replaced systems: what somebody did there, what does it here, and what is true then. */
import { test } from 'bun:test';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { instructions } from '../../src/mcp/instructions.ts';
import { SESSION } from './hook-session.ts';
import { openMachine, type Machine } from './machine.ts';
import { openMcp, type McpSession } from './mcp-client.ts';

export interface Pair {
  readonly machine: Machine;
  /** Two sessions of client programs; both have said hello. */
  readonly claude: McpSession;
  readonly gemini: McpSession;
}

export interface Row {
  /** Their tool, resource, command or phrase. */
  readonly theirs: string;
  readonly ours: string;
  readonly holds: string;
  readonly drive: (pair: Pair) => Promise<void>;
  readonly args?: readonly string[];
}

/** What Claude Code says in the environment of its server, its hooks and its shell. */
export const inSession = { env: { CLAUDE_CODE_SESSION_ID: SESSION } };

/** One test for each row, on a machine of its own. */
export function driveEach(rows: readonly Row[]): void {
  for (const { theirs, ours, holds, drive, args } of rows)
    test(`${theirs} → ${ours}: ${holds}`, withPair(drive, args));
}

export function withPair(drive: (pair: Pair) => Promise<void>, args: readonly string[] = []) {
  return async (): Promise<void> => {
    await using machine = await openMachine();
    await using claude = await openMcp(machine, { as: 'claude', args, alone: true, ...inSession });
    await using gemini = await openMcp(machine, { as: 'gemini', alone: true });
    await Promise.all([claude.text('check'), gemini.text('check')]);
    await drive({ machine, claude, gemini });
  };
}

export async function readText({ client }: McpSession, uri: string): Promise<string> {
  const { contents } = await client.readResource({ uri });
  const [first] = contents;
  return first !== undefined && 'text' in first ? first.text : '';
}

export async function promptText(
  { client }: McpSession,
  name: string,
  args: Record<string, string> = {},
): Promise<string> {
  const { messages } = await client.getPrompt({ name, arguments: args });
  const content = messages[0]?.content;
  return content?.type === 'text' ? content.text : '';
}

/** What stands between the fences: the texts of messages, as they were sent. */
export function fenced(text: string): string[] {
  return [...text.matchAll(/^(`{3,}) text of \S+\n([^]*?)\n\1$/gm)].map(([, , body = '']) => body);
}

/** Which tool each quoted phrase of the instructions leads to. */
const led = new Map(
  [...instructions.matchAll(/((?:"[^"]+"(?:, )?)+): (\w+)/g)].flatMap(([, quoted = '', tool = '']) =>
    [...quoted.matchAll(/"([^"]+)"/g)].map(([, says = '']) => [says, tool] as const),
  ),
);

/** The tool that the instructions name for what people say. */
export function ledTo(phrase: string): string | undefined {
  return led.get(phrase);
}

/** A shell script as a program of the desktop; returns its folder, for a PATH. */
export async function program(machine: Machine, name: string, script: string): Promise<string> {
  const folder = join(machine.directory, 'bin');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return folder;
}
