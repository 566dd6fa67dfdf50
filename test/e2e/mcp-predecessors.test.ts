/**
 * Every tool of systems 000 (claude-ipc-mcp) and 002 (mcp-relay), and the phrases they taught, through the
 * compiled `ipc mcp`: what is called now, and what it then says.
 */
import { describe, expect, test } from 'bun:test';
import { instructions } from '../../src/mcp/instructions.ts';
import { openMachine, type Machine } from './machine.ts';
import { openMcp, type McpSession } from './mcp-client.ts';

interface Row {
  readonly before: string;
  readonly tool: string;
  readonly args: Record<string, unknown>;
  readonly says: string;
  /** What must be so before it is called. */
  readonly given?: (me: McpSession, machine: Machine) => Promise<unknown>;
}

const wrote: Row['given'] = (_me, machine) => machine.ok(['send', '--as', 'bob', 'me-too', 'hello']);

const tools: readonly Row[] = [
  { before: '000 register', tool: 'register', args: { name: 'fred' }, says: 'You are fred now' },
  { before: '000 send', tool: 'send', args: { to: 'bob', text: 'hi' }, says: 'for bob' },
  {
    before: '000 send with data (D5: unchanged, whatever its keys)',
    tool: 'send',
    args: { to: 'bob', text: 'x', data: { type: 'file', n: [1] } },
    says: 'for bob',
  },
  {
    before: '000 send to a future name',
    tool: 'send',
    args: { to: 'nessa', text: 'hi' },
    says: 'queued for nessa (not here yet)',
  },
  {
    before: '000 broadcast',
    tool: 'send',
    args: { to: '@all', text: 'lunch' },
    says: 'bob through @all',
    given: (_me, machine) => machine.ok(['register', 'bob', '--kind', 'agent']),
  },
  { before: '000 check', tool: 'check', args: {}, says: 'hello', given: wrote },
  { before: '000 check of nothing', tool: 'check', args: {}, says: 'Nothing new.' },
  { before: '000 list_instances (D2: always an error)', tool: 'who', args: {}, says: '(you are me-too)' },
  {
    before: '000 share_file',
    tool: 'send',
    args: { to: 'bob', text: 'the notes', files: ['notes.txt'] },
    says: 'for bob',
    given: (_me, machine) => Bun.write(`${machine.directory}/notes.txt`, 'notes'),
  },
  { before: '000 share_command', tool: 'send', args: { to: 'bob', run: 'echo shared' }, says: 'for bob' },
  {
    before: '000 rename',
    tool: 'register',
    args: { name: 'fred-debugging' },
    says: 'me-too forwards to you',
  },
  { before: '000 auto_process', tool: 'check', args: { limit: 5 }, says: 'hello', given: wrote },
  {
    before: '000 start_auto_check',
    tool: 'mailbox',
    args: { action: 'autocheck', minutes: 5 },
    says: 'auto-checking every 5 minutes',
  },
  {
    before: '000 stop_auto_check',
    tool: 'mailbox',
    args: { action: 'autocheck', minutes: 0 },
    says: 'is stopped',
  },
  { before: '000 auto_check_status', tool: 'mailbox', args: { action: 'autocheck' }, says: 'at every event' },
  {
    before: '002 relay_send',
    tool: 'send',
    args: { to: 'desktop', text: 'for you' },
    says: 'queued for desktop',
  },
  { before: '002 relay_fetch with limit', tool: 'check', args: { limit: 1 }, says: 'hello', given: wrote },
  {
    before: '002 relay_fetch of all, not only unread',
    tool: 'history',
    args: { limit: 20 },
    says: 'hello',
    given: wrote,
  },
  {
    before: '002 relay_fetch without a reader marks nothing',
    tool: 'check',
    args: { peek: true },
    says: 'Only looked',
    given: wrote,
  },
  {
    before: '002 relay_clear',
    tool: 'mailbox',
    args: { action: 'clear' },
    says: '1 cleared unread',
    given: wrote,
  },
];

describe('a tool of before', () => {
  test.each(tools.map((row) => [row.before, row] as const))(
    '%s',
    async (_before, { tool, args, says, given }) => {
      await using machine = await openMachine();
      await using me = await openMcp(machine, { as: 'me-too', args: ['--allow-run'] });
      await me.text('who', { name: 'me' });
      await given?.(me, machine);
      expect(await me.text(tool, args)).toContain(says);
    },
  );
});

describe('a phrase of before is explained to the model', () => {
  test.each([
    ['msgs?', 'check'],
    ['tell bob', 'send'],
    ['broadcast', 'send'],
    ["who's online?", 'who'],
    ['list', 'who'],
    ['register as fred', 'register'],
    ['call me fred', 'register'],
    ['rename to', 'register'],
    ['start auto checking 5', 'mailbox'],
    ['stop auto checking', 'mailbox'],
    ['is auto checking on?', 'mailbox'],
    ['clear my messages', 'mailbox'],
    ['get', 'check'],
  ])('%s leads to %s', (phrase, tool) => {
    const line = instructions.split('\n').find((each) => each.includes(phrase) && each.startsWith('- "'));
    expect(line).toMatch(new RegExp(`[:.] ?${tool}\\b|: ${tool}\\b`));
  });
});
