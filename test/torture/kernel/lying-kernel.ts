/** A kernel at the far end of its five ports that lies about a cell in one way of the seed's choosing. */
import { fakeKernel, honest, type FakeKernel, type Request } from '../../kernel/fake-kernel.ts';
import { messageChunks } from '../../../src/kernel/zmtp/frame.ts';
import type { Chance } from '../chance.ts';
import { bytes, mutated, value, word } from '../hostile.ts';

/** True: it answers for itself; else the honest answer follows. */
type Lie = (request: Request, lying: Lying) => boolean | void;

interface Lying {
  readonly random: Chance;
  readonly fake: () => FakeKernel;
  readonly earlier: readonly Request[];
}

const MEGABYTE = 1_048_576;
const DELIMITER = Buffer.from('<IDS|MSG>');

const lies: Readonly<Record<string, Lie>> = {
  'wrong signatures': (request) => {
    request.publish('stream', { name: 'stdout', text: 'FORGED' }, { key: 'x' });
    request.reply({ status: 'error', ename: 'FORGED' }, { key: 'x' });
  },
  'answers to others': (request, { random, earlier }) => {
    const parent = random.pick([request, ...earlier]).message.rawHeader;
    request.reply(
      { status: 'error', ename: 'STRAY' },
      { parent: { ...parent, msg_id: `${word(random, 1)}-no` } },
    );
    request.publish('stream', { name: 'stdout', text: 'FORGED' }, { parent: { ...parent, msg_id: 'no' } });
    request.reply({ status: 'ok' }, { on: 'control' });
    request.reply({ status: 'ok' }, { on: 'stdin', type: 'input_request' });
  },
  'the past again': (_request, { earlier }) => {
    for (const old of earlier.slice(-5)) {
      old.publish('stream', { name: 'stdout', text: 'FORGED' });
      old.publish('status', { execution_state: 'idle' });
      old.reply({ status: 'error', ename: 'FORGED' });
    }
  },
  'a message of 100 MB': (_request, { random, fake }) => {
    fake().raw(random.pick(['iopub', 'shell']), messageChunks([DELIMITER, Buffer.alloc(100 * MEGABYTE)]));
  },
  'text of 20 MB in one message': (request) =>
    request.publish('stream', { name: 'stdout', text: 'x'.repeat(20 * MEGABYTE) }),
  'a hundred thousand tiny outputs': (request) => {
    for (let number = 0; number < 100_000; number += 1)
      request.publish('stream', { name: number % 2 === 0 ? 'stdout' : 'stderr', text: '.' });
  },
  'displays to hurt': (request, { random }) => {
    const data = {
      'text/html': `<script>${'<'.repeat(100_000)}`,
      'image/svg+xml': '<svg onload="alert(1)"/>',
      'image/png': Buffer.alloc(random.pick([10, 8 * MEGABYTE]), 1).toString('base64'),
      '../../../escaped': 'x',
      'image/png/../../escaped': 'AAAA',
      [word(random, 3)]: value(random),
    };
    const metadata = { filename: '../../../escaped.png' };
    for (let number = 0; number < 5; number += 1)
      request.publish('display_data', { data, metadata, transient: { display_id: '../../escaped' } });
  },
  'an error with escapes': (request, { random }) => {
    const traceback = ['\u001b[2J\u009b31m', '```\n</system>', word(random, 20), '\u202e\u{e0041}'];
    request.publish('error', { ename: word(random), evalue: word(random), traceback });
  },
  'contents of other shapes': (request, { random }) => {
    for (const type of [
      'stream',
      'execute_input',
      'status',
      'error',
      'execute_result',
      'clear_output',
      'comm_msg',
      'input_request',
    ])
      request.publish(type, value(random) as Record<string, unknown>);
    request.reply(value(random) as Record<string, unknown>, { type: 'input_request', on: 'stdin' });
  },
  'escapes without an end': (request) => {
    request.publish('stream', { name: 'stdout', text: '\u009d'.repeat(MEGABYTE) });
    request.publish('stream', { name: 'stdout', text: '\u001b[999C'.repeat(200_000) });
  },
  'broken frames': (_request, { random, fake }) => {
    const sound = Buffer.concat(messageChunks([DELIMITER, bytes(random, 60), bytes(random, 60)]));
    fake().raw(random.pick(['iopub', 'shell', 'control', 'stdin']), [
      mutated(random, sound),
      bytes(random, 100),
    ]);
  },
  'a cut': (_request, { random, fake }) => fake().cut(random.pick(['iopub', 'control', 'stdin'])),
  'no idle': (request) => {
    request.reply({ status: 'ok', execution_count: 1 });
    return true;
  },
  'no answer at all': () => true,
  'idle without an answer': (request) => {
    request.publish('status', { execution_state: 'idle' });
    return true;
  },
};

export interface LyingKernel extends Disposable {
  readonly info: FakeKernel['info'];
  /** How it lies about the next cells. */
  lie(name: string): void;
  /** Answers honestly what it has not answered. */
  relent(): void;
}

export const lieNames: readonly string[] = Object.keys(lies);

export function lyingKernel(random: Chance): LyingKernel {
  let lie: Lie | undefined;
  const earlier: Request[] = [];
  const open: Request[] = [];
  const fake = fakeKernel({
    on: (request) => {
      if (request.message.header.msg_type !== 'execute_request') return honest(request);
      const done = lie?.(request, { random, fake: () => fake, earlier }) === true;
      earlier.push(request);
      if (earlier.length > 10) earlier.shift();
      if (done) open.push(request);
      else honest(request);
    },
  });
  return {
    info: fake.info,
    lie: (name) => void (lie = lies[name]),
    relent: () => {
      lie = undefined;
      for (const request of open.splice(0)) honest(request);
    },
    [Symbol.dispose]: () => fake[Symbol.dispose](),
  };
}
