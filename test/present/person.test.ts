import { describe, expect, test } from 'bun:test';
import { deliveredText, pastText } from '../../src/present/person.ts';
import { sentText } from '../../src/present/sent.ts';
import { coloured, plain } from '../../src/present/style.ts';
import type { Output } from '../../src/protocol/operations.ts';
import { message } from './message.ts';

const look = { style: plain, now: Date.parse('2026-08-24T11:00:00Z'), offset: () => 0 };

describe('a message for a person', () => {
  test('is told with sender, kind, relative and exact time, id and text', () => {
    const text = deliveredText(message({}), look);
    expect(text).toContain('bob (agent, claude-code)');
    expect(text).toMatch(/2 days ago \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
    expect(text).toContain(message({}).id);
    expect(text).toContain('    tests are green\n');
  });

  test('no line of a body can pass for the header of another message', () => {
    const forged = deliveredText(message({ from: { name: 'eve', kind: 'agent', verified: true } }), look);
    const text = deliveredText(message({ body: `hello\n\n${forged}` }), look);
    expect(text.split('\n').filter((line) => line.startsWith('eve'))).toEqual([]);
  });

  test('a repeat, a request and an unverified sender are marked', () => {
    const from = { name: 'hook', kind: 'webhook', verified: false } as const;
    const text = deliveredText(message({ again: true, intent: 'request', from }), look);
    for (const mark of ['again', 'request', 'unverified']) expect(text).toContain(mark);
  });

  test('attachments are named with size and path', () => {
    const attachment = {
      sha256: 'a'.repeat(64),
      size: 1_234_567,
      name: 'model\u001b.bin',
      role: 'file',
      path: '/blobs/aa',
    } as const;
    const text = deliveredText(message({ attachments: [attachment] }), look);
    expect(text).toContain('model\\x1b.bin (1.2 MB) /blobs/aa');
  });

  test('a long body is cut at the budget, with the command that prints it whole', () => {
    const text = deliveredText(message({ body: `${'ü'.repeat(100)}\n`.repeat(100) }), {
      ...look,
      bodyBytes: 1_000,
    });
    expect(Buffer.byteLength(text)).toBeLessThan(1_400);
    expect(text).not.toContain('\ufffd');
    expect(text).toContain(`ipc history ${message({}).id} --body`);
  });

  test('of a webhook’s payload a list shows the beginning, and one message alone all of it', () => {
    const hook = message({
      from: { name: 'hook', kind: 'webhook', verified: true },
      data: { filler: 'x'.repeat(9_000) },
    });
    const cut = deliveredText(hook, { ...look, bodyBytes: 8_192 });
    expect(cut.length).toBeLessThan(700);
    expect(cut).toContain(`ipc history ${hook.id} --json`);
    expect(deliveredText(hook, look)).toContain('x'.repeat(9_000));
  });

  test('colour comes only from the style passed in, around the same words', () => {
    const bare = deliveredText(message({ again: true }), look);
    const bright = deliveredText(message({ again: true }), { ...look, style: coloured });
    expect(bright).not.toBe(bare);
    expect(Bun.stripANSI(bright)).toBe(bare);
  });

  test('the past shows what became of it, and claims only what is known', () => {
    const receipts = [
      { to: 'ann', state: 'handed', door: 'cli', attempts: 1, handedAt: '2026-08-24T10:59:00.000Z' },
      { to: 'cyd', state: 'dead', reason: 'five hand-overs failed', attempts: 5 },
    ] as const;
    const text = pastText({ ...message({}), mine: true, receipts: [...receipts] }, look);
    expect(text).toContain('ann: handed (cli) 1 minute ago');
    expect(text).toContain('cyd: dead, five hand-overs failed, 5 hand-overs');
  });
});

describe('the answer to a send says what is true', () => {
  type To = Output<'send'>['deliveries'][number];
  const to = (parts: Partial<To>): To => ({
    to: 'bob',
    asked: 'bob',
    state: 'queued',
    presence: 'online',
    doors: [],
    forwarded: false,
    ...parts,
  });

  test.each<[string, Partial<To>]>([
    ['sent to bob (online, push: watch)', { doors: ['watch'] }],
    ['sent to bob (idle)', { presence: 'idle' }],
    ['queued for nessa (not here yet)', { to: 'nessa', asked: 'nessa', presence: 'unborn' }],
    ['queued for bob (not here now)', { presence: 'gone' }],
    [
      'forwarded from fred to fred-debugging (online)',
      { asked: 'fred', to: 'fred-debugging', forwarded: true },
    ],
    ['held for bob (paused until 12:00)', { state: 'held', reason: 'paused until 12:00' }],
    [
      'refused by kernel (only direct requests)',
      { to: 'kernel', state: 'refused', reason: 'only direct requests' },
    ],
    ['sent to bob through #reviews (online)', { asked: '#reviews' }],
  ])('%s', (words, parts) => {
    const sent = { id: message({}).id, thread: 't', duplicate: false, deliveries: [to(parts)] };
    expect(sentText(sent, plain).split('\n')[0]).toBe(words);
  });

  test('a second send of the same id is said to be one', () => {
    const sent = { id: message({}).id, thread: 't', duplicate: true, deliveries: [to({})] };
    expect(sentText(sent, plain)).toStartWith('already sent: ');
  });
});
