/** A kernel that lies, a port that is none: no call hangs, nothing false is believed. */
import { describe, expect, test } from 'bun:test';
import { Failure } from '../../src/protocol/failures.ts';
import { KernelSession } from '../../src/kernel/session.ts';
import type { ConnectionEnd } from '../../src/kernel/zmtp/connection.ts';
import { Connection } from '../../src/kernel/zmtp/connection.ts';
import { greeting } from '../../src/kernel/zmtp/greeting.ts';
import { commandFrame, messageChunks } from '../../src/kernel/zmtp/frame.ts';
import { rejection } from '../support/rejection.ts';
import { until } from '../support/until.ts';
import { streamText } from './cells.ts';
import { fakeKernel, type FakeOptions, honest, type Request } from './fake-kernel.ts';

const execute = (request: Request) => request.message.header.msg_type === 'execute_request';

async function against(options: FakeOptions, withinMs = 2_000) {
  const fake = fakeKernel(options);
  const session = await KernelSession.open(fake.info, { username: 'tester', withinMs });
  return {
    fake,
    session,
    [Symbol.dispose]: () => {
      session.close();
      fake[Symbol.dispose]();
    },
  };
}

describe('a kernel that lies', () => {
  test('with a bad signature is not believed, and counted', async () => {
    using both = await against({
      on: (request) => {
        if (execute(request)) {
          request.publish('stream', { name: 'stdout', text: 'forged' }, { key: 'x' });
          request.reply({ status: 'error', ename: 'Forged' }, { key: 'x' });
        }
        honest(request);
      },
    });
    const cell = both.session.execute({ code: 'a', owner: 'bob' });
    await cell.ended;
    expect(streamText(cell.view)).toBe('ran a');
    expect(cell.view.end).toEqual({ kind: 'ok' });
    expect((await both.session.status()).disbelief.signature).toBe(2);
  });

  test('with answers to other questions, on other channels and of other kinds, answers nothing', async () => {
    using both = await against({
      on: (request) => {
        if (execute(request)) {
          request.reply(
            { status: 'error', ename: 'Stray' },
            { parent: { ...request.message.rawHeader, msg_id: 'no' } },
          );
          request.reply({ status: 'error', ename: 'Stray' }, { on: 'control' });
          request.reply({ status: 'error', ename: 'Stray' }, { type: 'complete_reply' });
          request.publish(
            'stream',
            { name: 'stdout', text: 'stray' },
            { parent: { msg_id: 'no', msg_type: 'execute_request' } },
          );
        }
        honest(request);
      },
    });
    const cell = both.session.execute({ code: 'a', owner: 'bob' });
    await cell.ended;
    expect(cell.view.end).toEqual({ kind: 'ok' });
    expect(streamText(cell.view)).toBe('ran a');
    expect((await both.session.status()).disbelief.strayReplies).toBe(3);
  });

  test('with a giant message: it is read, dropped and counted, and the cell ends', async () => {
    using both = await against({
      on: (request) => {
        if (execute(request)) {
          const giant = Buffer.alloc(70 * 1_024 * 1_024);
          both.fake.raw('iopub', messageChunks([Buffer.from('<IDS|MSG>'), giant]));
        }
        honest(request);
      },
    });
    const cell = both.session.execute({ code: 'a', owner: 'bob' });
    expect(await cell.wait(10_000)).toBe(true);
    await until(() => streamText(cell.view) === 'ran a', 'what was said after the giant');
    expect((await both.session.status()).disbelief.tooLarge).toBe(1);
  }, 15_000);

  test('that says `aborted` without having begun is asked again, by itself', async () => {
    let asked = 0;
    using both = await against({
      on: (request) => {
        if (!execute(request)) return honest(request);
        asked += 1;
        if (asked > 2) return honest(request);
        request.publish('status', { execution_state: 'busy' });
        request.reply({ status: 'aborted' });
        request.publish('status', { execution_state: 'idle' });
      },
    });
    const cell = both.session.execute({ code: 'a', owner: 'bob' });
    await cell.ended;
    expect(cell.view.end).toEqual({ kind: 'ok' });
    expect(asked).toBe(3);
  });

  test('that says `aborted` after it began is not asked again', async () => {
    let asked = 0;
    using both = await against({
      on: (request) => {
        if (!execute(request)) return honest(request);
        asked += 1;
        request.publish('execute_input', { code: 'a', execution_count: 1 });
        // IOPub is another connection: the reply must not be quicker than what it depends on.
        void until(() => both.session.running?.begun === true, 'it to begin').then(() => {
          request.reply({ status: 'aborted' });
          request.publish('status', { execution_state: 'idle' });
        });
      },
    });
    const cell = both.session.execute({ code: 'a', owner: 'bob' });
    await cell.ended;
    expect(cell.view.end).toMatchObject({ kind: 'error', name: 'aborted' });
    expect(asked).toBe(1);
  });

  test('that answers and never says idle: the cell ends, and says what may be missing', async () => {
    using both = await against({
      on: (request) => {
        if (execute(request)) request.reply({ status: 'ok', execution_count: 1 });
        else honest(request);
      },
    });
    const cell = both.session.execute({ code: 'a', owner: 'bob' });
    const begun = performance.now();
    await cell.ended;
    expect(performance.now() - begun).toBeWithin(1_500, 4_000);
    expect(cell.view.incomplete).toBe(true);
    expect(cell.view.notes.join(' ')).toContain('output may be incomplete');
  });

  test('a request it leaves unread is brought to it by a fresh connection (ipykernel#1554)', async () => {
    let knocked = 0;
    let unread: Request | undefined;
    using both = await against({
      on: (request) => {
        if (execute(request) && unread === undefined) unread = request;
        else honest(request);
      },
    });
    const before = both.fake.identities.shell.length;
    const cell = both.session.execute({ code: 'a', owner: 'bob' });
    await until(() => both.fake.identities.shell.length > before, 'a knock');
    knocked = both.fake.identities.shell.length - before;
    if (unread !== undefined) honest(unread);
    await cell.ended;
    expect(knocked).toBe(1);
    expect(cell.view.end).toEqual({ kind: 'ok' });
  });

  test('after a cut the three talking channels share an identity that was never used before', async () => {
    using both = await against({ on: honest });
    const { identities } = both.fake;
    both.fake.cut('stdin');
    await until(
      () => ['shell', 'control', 'stdin'].every((name) => identities[name as 'shell'].length === 2),
      'three',
    );
    const again = [identities.shell[1], identities.control[1], identities.stdin[1]];
    expect(new Set(again).size).toBe(1);
    expect(identities.shell[0]).not.toBe(identities.shell[1]);
    const cell = both.session.execute({ code: 'after', owner: 'bob' });
    await cell.ended;
    expect(cell.view.end).toEqual({ kind: 'ok' });
  });

  test('silent with a beating heart is "wrong key, or busy"; with a silent one it is no kernel', async () => {
    const quiet = async (heart: 'beats' | 'silent') => {
      using fake = fakeKernel({ on: () => undefined, heart });
      return await rejection(KernelSession.open(fake.info, { username: 'tester', withinMs: 300 }));
    };
    const beating = await quiet('beats');
    expect(beating).toBeInstanceOf(Failure);
    expect(String(beating)).toContain('wrong key, or busy');
    expect(String(await quiet('silent'))).toContain('its heart does not beat');
  });
});

describe('a port that is no kernel', () => {
  const strangers: readonly (readonly [string, readonly Uint8Array[], string])[] = [
    ['HTTP', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'HTTP, not ZMTP'],
    ['SSH', [Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')], 'SSH, not ZMTP'],
    ['silence', [], 'silent for 200 ms'],
    ['CURVE', [withMechanism('CURVE')], 'the mechanism "CURVE"'],
    [
      'a frame of 2^63 bytes',
      [greeting(), ready(), Buffer.of(2, 0x7f, 255, 255, 255, 255, 255, 255, 255)],
      'claims',
    ],
    ['reserved flags', [greeting(), ready(), Buffer.of(0x40, 0)], 'reserved flags'],
    ['a PUB where a ROUTER should be', [greeting(), ready('PUB')], 'a PUB socket for our DEALER'],
    ['a message before READY', [greeting(), Buffer.of(0, 1, 65)], 'a message before READY'],
  ];

  test.each(strangers)('%s ends the connection with its reason', async (_name, chunks, reason) => {
    using server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        open: (socket) => {
          for (const chunk of chunks) socket.write(chunk);
        },
        data: () => undefined,
      },
    });
    const ended = Promise.withResolvers<ConnectionEnd>();
    const connection = new Connection(
      { transport: 'tcp', host: '127.0.0.1', port: server.port },
      { type: 'DEALER', identity: 'x', handshakeMs: 200 },
      { ready: () => undefined, message: () => undefined, dropped: () => undefined, closed: ended.resolve },
    );
    expect((await ended.promise).reason).toContain(reason);
    connection.close();
  });
});

function ready(type = 'ROUTER'): Uint8Array {
  const property = Buffer.concat([
    Buffer.of(11),
    Buffer.from('Socket-Type'),
    Buffer.of(0, 0, 0, type.length),
  ]);
  return commandFrame('READY', Buffer.concat([property, Buffer.from(type)]));
}

function withMechanism(name: string): Uint8Array {
  const bytes = greeting();
  bytes.fill(0, 12, 32);
  bytes.write(name, 12, 'latin1');
  return bytes;
}
