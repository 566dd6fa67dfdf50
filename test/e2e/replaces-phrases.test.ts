/**
 * What people said to systems 000 and 002: the tool to which the instructions lead a model, and `ipc do`
 * in the same session, which does it.
 */
import { describe, expect, test } from 'bun:test';
import { instructions } from '../../src/mcp/instructions.ts';
import { openMachine } from './machine.ts';
import { idIn, openMcp } from './mcp-client.ts';
import { driveEach, fenced, inSession, ledTo, type Pair } from './replaced.ts';

interface Phrase {
  readonly says: string;
  /** As the instructions have it. */
  readonly like: string;
  readonly tool: string;
  readonly drive: (pair: Pair) => Promise<void>;
}

/** Those of system 000's docs/NATURAL_LANGUAGE.md. */
const ofDocuments: readonly Phrase[] = [
  ...['Register this instance as fred', 'My name is fred', 'Call me fred'].map((says) => ({
    says,
    tool: 'register',
    like: says.startsWith('Register') ? 'register as fred' : says.toLowerCase(),
    // That its server follows needs a client program above both: test/cli/hold-name.test.ts.
    drive: async ({ machine, gemini }: Pair) => {
      await machine.ok(['do', says], inSession);
      await gemini.text('send', { to: 'fred', text: 'hello fred' });
      expect(await machine.ok(['do', 'msgs?'], inSession)).toContain('hello fred');
    },
  })),
  ...['msgs?', 'any messages?'].map((says) => ({
    says,
    tool: 'check',
    like: says,
    drive: async ({ machine, claude, gemini }: Pair) => {
      await gemini.text('send', { to: 'claude', text: 'here I am' });
      expect(await machine.ok(['do', says], inSession)).toContain('here I am');
      expect(await claude.text('check')).toBe('Nothing new.');
    },
  })),
  ...['msg gemini: it works', 'tell gemini it works', 'broadcast: it works', 'tell everyone it works'].map(
    (says) => ({
      says,
      tool: 'send',
      like: says.startsWith('tell gemini')
        ? 'tell bob ...'
        : says.replace('it works', '...').replace('gemini', 'alice'),
      drive: async ({ machine, gemini }: Pair) => {
        await machine.ok(['do', says], inSession);
        const got = await gemini.text('check');
        expect(fenced(got)).toEqual(['it works']);
        expect(got).toContain('from claude ');
      },
    }),
  ),
  {
    says: 'msg the frontend team: deploy',
    tool: 'send',
    like: 'msg the frontend team: ...',
    drive: async ({ machine, gemini }) => {
      await gemini.text('mailbox', { action: 'join', name: 'frontend' });
      await machine.ok(['do', 'msg the frontend team: deploy'], inSession);
      expect(fenced(await gemini.text('check'))).toEqual(['deploy']);
    },
  },
  {
    says: "who's online?",
    tool: 'who',
    like: "who's online?",
    drive: async ({ machine }) => {
      expect(await machine.ok(['do', "who's online?"], inSession)).toMatch(/^gemini +agent +online/m);
    },
  },
  {
    says: 'rename to claude-debugging',
    tool: 'register',
    like: 'rename to fred-debugging',
    drive: async ({ machine, claude, gemini }) => {
      await machine.ok(['do', 'rename to claude-debugging'], inSession);
      expect(await claude.text('who')).toContain('(you are claude-debugging)');
      expect(await gemini.text('send', { to: 'claude', text: 'x' })).toStartWith('forwarded from claude');
    },
  },
  ...(
    [
      ['start auto checking 5', 'every 5 minutes'],
      ['stop auto checking', 'stopped'],
      ['is auto checking on?', 'at every event'],
    ] as const
  ).map(([says, told]) => ({
    says,
    tool: 'mailbox',
    like: says,
    drive: async ({ machine, claude }: Pair) => {
      expect(await machine.ok(['do', says], inSession)).toContain(told);
      expect(await claude.text('mailbox', { action: 'autocheck' })).toContain(told);
    },
  })),
  {
    says: 'reply: got it',
    tool: 'reply',
    like: 'reply: ...',
    drive: async ({ machine, claude, gemini }) => {
      const asked = idIn(await gemini.text('send', { to: 'claude', text: 'got it?' }));
      await claude.text('check');
      await machine.ok(['do', 'reply: got it'], inSession);
      const got = await gemini.text('check');
      expect(fenced(got)).toEqual(['got it']);
      expect(got).toContain(`It answers message ${asked}`);
    },
  },
  {
    says: 'forward to barney',
    tool: 'send',
    like: 'forward it to bob',
    drive: async ({ machine, claude, gemini }) => {
      await using barney = await openMcp(machine, { as: 'barney' });
      const id = idIn(await gemini.text('send', { to: 'claude', text: 'worth knowing' }));
      await claude.text('check');
      await machine.ok(['do', 'forward to barney'], inSession);
      await claude.text('send', { to: 'barney', text: 'see', forward: 'last' });
      const got = await barney.text('check');
      expect(got.split(`It forwards message ${id}`)).toHaveLength(3);
      expect(fenced(got)).toEqual([
        expect.stringMatching(/^forwarded: \S+ from gemini .*\n\nworth knowing$/),
        expect.stringMatching(/^see\n\nforwarded: \S+ from gemini .*\n\nworth knowing$/),
      ]);
    },
  },
];

/** Those of system 002's tools and README. */
const ofRelay: readonly Phrase[] = [
  ...['get', 'check the relay'].map((says) => ({
    says,
    like: says,
    tool: 'check',
    drive: async ({ machine, gemini }: Pair) => {
      await gemini.text('send', { to: 'claude', text: 'for you' });
      expect(await machine.ok(['do', says], inSession)).toContain('for you');
    },
  })),
  {
    says: "get gemini's response",
    like: "get bob's answer",
    tool: 'check',
    drive: async ({ machine, claude, gemini }) => {
      await machine.ok(['send', '--as', 'carol', 'claude', 'from carol']);
      await gemini.text('send', { to: 'claude', text: 'from gemini' });
      expect(await machine.ok(['do', "get gemini's response"], inSession)).not.toContain('from carol\n');
      expect(fenced(await claude.text('check'))).toEqual(['from carol']);
    },
  },
  {
    says: 'what did gemini say?',
    like: 'what did bob say?',
    tool: 'history',
    drive: async ({ machine, claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'it is 8080' });
      await claude.text('check');
      expect(await machine.ok(['do', 'what did gemini say?'], inSession)).toContain('it is 8080');
    },
  },
  {
    says: 'tell gemini the build is green',
    like: 'tell bob ...',
    tool: 'send',
    drive: async ({ machine, gemini }) => {
      await machine.ok(['do', 'tell gemini the build is green'], inSession);
      expect(fenced(await gemini.text('check'))).toEqual(['the build is green']);
    },
  },
  {
    says: 'ask gemini which port it is',
    like: 'ask bob ...',
    tool: 'ask',
    drive: async ({ machine, gemini }) => {
      const asking = machine.ok(['do', 'ask gemini which port it is'], inSession);
      expect(fenced(await gemini.text('check', { wait: 20 }))).toEqual(['which port it is']);
      await gemini.text('reply', { text: '8080' });
      expect(await asking).toContain('8080');
    },
  },
  {
    says: 'status',
    like: 'status',
    tool: 'who',
    drive: async ({ machine, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'x' });
      expect(await machine.ok(['do', 'status'], inSession)).toMatch(/^claude\n[^]*waiting +1\n/);
    },
  },
  {
    says: 'clear my messages',
    like: 'clear my messages',
    tool: 'mailbox',
    drive: async ({ machine, claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'x' });
      const unasked = await machine.run(['do', 'clear my messages'], inSession);
      expect([unasked.code, unasked.stderr]).toEqual([64, expect.stringContaining('--yes')]);
      expect(fenced(await claude.text('check'))).toEqual(['x']);
    },
  },
];

const phrases = [...ofDocuments, ...ofRelay];

describe('phrases', () => {
  driveEach(
    phrases.map(({ says, drive }) => ({ theirs: `"${says}"`, ours: 'ipc do', holds: 'it is done', drive })),
  );

  test.each(phrases.map(({ says, like, tool }) => [says, like, tool] as const))(
    '%j: the instructions, where it is %j, lead to %s',
    (_says, like, tool) => expect(ledTo(like)).toBe(tool),
  );

  test('the client is given those instructions, at most 2 KB', async () => {
    await using machine = await openMachine();
    await using session = await openMcp(machine);
    expect(session.client.getInstructions()).toBe(instructions);
    expect(Buffer.byteLength(instructions)).toBeLessThanOrEqual(2_048);
  });
});
