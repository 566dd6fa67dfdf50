/** A request that waits: what is printed, and what is said when no answer came or can come. */
import { describe, expect, test } from 'bun:test';
import type { MessageId } from '../../src/protocol/model.ts';
import type { Request } from '../../src/protocol/operations.ts';
import { message } from '../present/message.ts';
import { fakeServer } from '../support/fake-server.ts';
import { temporaryHome } from '../support/home.ts';
import { runIpc } from '../support/processes.ts';

const question = '0198f3c2-7a10-7bbb-8ccc-000000000001' as MessageId;
const answer = message({ id: '0198f3c2-7a10-7bbb-8ccc-000000000002' as MessageId, body: '8080' });

describe('ask', () => {
  const sent = { id: question, thread: question, duplicate: false, deliveries: [] };

  const refused = {
    to: 'bob',
    asked: 'bob',
    state: 'refused',
    reason: 'gone for good',
    presence: 'gone',
    doors: [],
    forwarded: false,
  };

  test.each([
    [[], 'no one else is there'],
    [[refused], 'refused by bob (gone for good)'],
  ])('of nobody who could answer says why, and exits 67', async (deliveries, words) => {
    await using home = await temporaryHome();
    await using _server = fakeServer(home, { ask: async () => ({ sent: { ...sent, deliveries } }) });
    const { code, stdout, stderr } = await runIpc(home, ['ask', 'bob', 'which port?']);
    expect([code, stdout]).toEqual([67, '']);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain('will come');
  });

  test('prints the answer alone on stdout and confirms it', async () => {
    await using home = await temporaryHome();
    const told: unknown[] = [];
    await using _server = fakeServer(home, {
      ask: () => Promise.resolve({ sent, answer: answer }),
      confirm: (request: Request<'confirm'>) => {
        told.push([request.door, request.stage, request.deliveries.length]);
        return Promise.resolve({ confirmed: 1, lost: [] });
      },
    });
    const { code, stdout } = await runIpc(home, ['ask', 'bob', 'which port?']);
    expect([code, stdout]).toEqual([0, '8080\n']);
    expect(told).toEqual([['ask', 'handed', 1]]);
  });

  test('exits 124 with the ticket when the time runs out', async () => {
    await using home = await temporaryHome();
    const waiting = { ...sent, deliveries: [{ ...refused, state: 'queued' }] };
    await using _server = fakeServer(home, { ask: () => Promise.resolve({ sent: waiting }) });
    const { code, stdout, stderr } = await runIpc(home, ['ask', 'bob', 'which port?', '--timeout', '1']);
    expect([code, stdout]).toEqual([124, '']);
    expect(stderr).toContain(sent.id);
    const json = await runIpc(home, ['ask', 'bob', 'which port?', '--timeout', '1', '--json']);
    expect(json.code).toBe(124);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'timed_out', details: { id: sent.id } } });
  });
});
