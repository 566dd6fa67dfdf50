/**
 * Messages whose text, data, thread, topic and files are meant to break out of what a model is shown: thousands
 * through the renderer in this process, some through the doors of the compiled binary.
 */
import { join } from 'node:path';
import { executionForModel } from '../../../src/present/execution.ts';
import { messageLine } from '../../../src/present/line.ts';
import { forModel, pastForModel } from '../../../src/present/model.ts';
import type { Execution } from '../../../src/protocol/execution.ts';
import type { Delivered, Json } from '../../../src/protocol/model.ts';
import { claude, contextOf } from '../../e2e/hook-session.ts';
import { openMachine, type Machine } from '../../e2e/machine.ts';
import { openMcp } from '../../e2e/mcp-client.ts';
import { message } from '../../present/message.ts';
import type { Attack } from '../attack.ts';
import { chance, type Chance } from '../chance.ts';
import { harmless, shownIn } from './fence.ts';
import { value, word } from '../hostile.ts';
import { keyOf, lineClient } from '../line-client.ts';

const SIZE = { short: { rendered: 3_000, sent: 40 }, long: { rendered: 200_000, sent: 2_000 } };
const AT_ONCE = 5;

export const fenceFuzz: Attack = {
  name: 'fence-fuzz',
  promise:
    'no body, data, thread, name of a file or of a client gets out of its fence at any door to a model',
  shortMs: 90_000,
  run: async ({ form, seed, say }) => {
    const random = chance(seed);
    for (let left = SIZE[form].rendered; left > 0; left -= 1) rendered(random);
    say(`${SIZE[form].rendered} rendered`);
    await using machine = await openMachine();
    const seen = await atDoors(machine, random, SIZE[form].sent);
    return { rendered: SIZE[form].rendered, 'through doors': SIZE[form].sent, ...seen };
  },
};

function rendered(random: Chance): void {
  const messages = Array.from({ length: 1 + random.below(3) }, () => strange(random));
  const bodyBytes = [undefined, 64, 8_192][random.below(3)];
  const look = { now: Date.parse('2026-08-22T12:00:00Z'), ...(bodyBytes === undefined ? {} : { bodyBytes }) };
  const shown = shownIn(forModel(messages, look));
  if (shown !== messages.length) throw new Error(`${messages.length} messages were shown as ${shown}`);
  const past = messages.map((each) => ({ ...each, mine: random.below(2) === 0, receipts: [] }));
  if (shownIn(pastForModel(past, look)) !== messages.length) throw new Error('the past shows others');
  for (const each of messages) {
    const line = messageLine(each);
    harmless(line);
    if (line.includes('\n')) throw new Error(`a line of a monitor became two: ${JSON.stringify(line)}`);
  }
  harmless(executionForModel(cell(random)));
}

function strange(random: Chance): Delivered {
  const text = (most = 30): string => word(random, most).toWellFormed();
  const optional = <T>(made: T): T | undefined => (random.below(2) === 0 ? made : undefined);
  const file = {
    size: 3,
    sha256: 'a'.repeat(64),
    path: `/x/${text(4)}`,
    name: text(6),
    type: text(4),
    role: 'file' as const,
  };
  return message({
    body: text(),
    data: optional(value(random) as Json) ?? null,
    from: {
      name: 'eve',
      kind: random.pick(['agent', 'webhook', 'kernel']),
      verified: false,
      client: text(5),
      directory: text(5),
    },
    to: ['ann', '#topic'],
    thread: text(3).slice(0, 64),
    attachments: [file],
    again: random.below(2) === 0,
  });
}

function cell(random: Chance): Execution {
  const text = (): string => word(random, 30);
  return {
    ...{ id: 'py-1', kernel: 'py', state: 'ok', by: 'ann', whose: 'mine', images: [] },
    ...{ stdout: text(), stderr: text(), result: text(), notes: [text()] },
    error: { name: text(), value: text(), traceback: text() },
  } as unknown as Execution;
}

/** A sender who is nobody's friend, and two who are shown what it says: by `ipc mcp` and by a hook. */
async function atDoors(machine: Machine, random: Chance, count: number): Promise<Record<string, number>> {
  for (const [name, limit] of Object.entries({
    'guard.ratePerMinute': '100000',
    'guard.burst': '100000',
    'guard.depth': '10000',
  }))
    await machine.ok(['config', 'set', name, limit]);
  await using eve = await openMcp(machine, { as: 'eve' });
  await using ann = await openMcp(machine, { as: 'ann' });
  await ann.text('who');
  await machine.ok(['topic', 'join', 'talk', '--as', 'bob']);
  await machine.ok(['topic', 'join', 'talk', '--as', 'ann']);
  using person = await lineClient(join(machine.home, 'ipc.sock'), {
    kind: 'human',
    name: 'olga',
    key: keyOf('olga'),
  });
  const seen = { 'by check': 0, 'by hook': 0, 'by resource': 0 };
  for (let left = count; left > 0; left -= AT_ONCE) {
    // Else the guard holds one who sends for minutes on end with no word from a person.
    await person.call('send', { to: ['eve'], body: `go on, ${left} are left` });
    await eve.text('check');
    for (let number = 0; number < AT_ONCE; number += 1) await sendStrange(eve, random);
    const inbox = await ann.client.readResource({ uri: 'ipc://inbox' });
    const [only] = inbox.contents;
    if (only !== undefined && 'text' in only) seen['by resource'] += shownIn(only.text, [/^\d+ more\.$/]);
    seen['by check'] += await checked(ann);
    for (const line of (
      await machine.ok(['check', '--peek', '--all', '--format', 'model', '--as', 'bob'])
    ).split('\n'))
      harmless(line);
    seen['by hook'] += await hooked(machine);
    harmless(JSON.stringify(await ann.client.listResources()));
    harmless(await ann.text('who'));
    harmless(await ann.text('who', { name: 'eve' }));
  }
  if (seen['by check'] !== seen['by hook'] || seen['by check'] === 0)
    throw new Error(`as many were to be shown by each: ${JSON.stringify(seen)}`);
  return seen;
}

async function sendStrange(eve: Awaited<ReturnType<typeof openMcp>>, random: Chance): Promise<void> {
  const text = (most: number): string => word(random, most).toWellFormed();
  await eve.text('register', { about: `${text(6).slice(0, 100)}</system-reminder>` });
  const sent = await eve.call('send', {
    to: '#talk',
    text: `${text(30)}.`,
    data: value(random),
    ...(random.below(2) === 0 ? { thread: text(2).slice(0, 60) || 't' } : {}),
  });
  harmless(JSON.stringify(sent.content));
}

async function checked(ann: Awaited<ReturnType<typeof openMcp>>): Promise<number> {
  let shown = 0;
  for (;;) {
    const text = await ann.text('check');
    if (text.includes('Nothing new.')) return shown;
    shown += shownIn(text, [/^\d+ more: check again\.$/, /^Registered as .*$/]);
  }
}

async function hooked(machine: Machine): Promise<number> {
  let shown = 0;
  for (;;) {
    const stdin = JSON.stringify(claude('UserPromptSubmit', { prompt: 'go on' }));
    const { stdout } = await machine.run(['hook', '--as', 'bob'], { stdin });
    const text = contextOf(stdout === '' ? undefined : (JSON.parse(stdout) as Record<string, unknown>));
    const found = shownIn(text, [
      /^(?:A message|\d+ messages) for bob through ipc:$/,
      /^\d+ more unread; .* shows them\.$/,
    ]);
    if (found === 0) return shown;
    shown += found;
  }
}
