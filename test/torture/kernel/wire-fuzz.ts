/**
 * The wire of Jupyter kernels under garbage, in this process: frames, handshakes and messages that are nearly
 * right, however they are cut. What breaks the protocol ends the connection with its reason, what is not signed
 * is not believed, and nothing else happens.
 */
import { bundleOf } from '../../../src/kernel/output/bundle.ts';
import { CellOutput } from '../../../src/kernel/output/cell-output.ts';
import { parseConnectionInfo } from '../../../src/kernel/connection-info.ts';
import { decodeMessage, encodeMessage, signerOf, type Facts } from '../../../src/kernel/message.ts';
import { commandFrame, messageChunks, Violation } from '../../../src/kernel/zmtp/frame.ts';
import { greeting, readyBody } from '../../../src/kernel/zmtp/greeting.ts';
import { Peer } from '../../../src/kernel/zmtp/peer.ts';
import type { Attack } from '../attack.ts';
import { chance, type Chance } from '../chance.ts';
import { bytes, mutated, strangeJson, value, word } from '../hostile.ts';

const FRAMES = { short: 20_000, long: 500_000 };
const FRAMES_A_PEER = 8;
const KEY = { key: 'the-key', signatureScheme: 'hmac-sha256' };
/** With the process that shoots, and all that it shoots. */
const MOST_GROWTH_MB = 400;

export const wireFuzz: Attack = {
  name: 'wire-fuzz',
  promise:
    'twenty thousand hostile frames to the wire of kernels: refused with a reason, never believed, never a fault',
  shortMs: 60_000,
  run: async ({ form, seed, say }) => {
    const random = chance(seed);
    const sum = { frames: 0, violations: 0, believed: 0, refused: 0, outputs: 0 };
    const before = process.memoryUsage().rss;
    while (sum.frames < FRAMES[form]) {
      onePeer(random, sum);
      strangeFile(random);
      if (sum.frames % 100_000 === 0) say(`${sum.frames} frames`);
    }
    const grown = Math.round((process.memoryUsage().rss - before) / 1_048_576);
    if (grown > MOST_GROWTH_MB) throw new Error(`memory grew by ${grown} MB`);
    return { ...sum, 'MB grown': grown };
  },
};

interface Sum {
  frames: number;
  violations: number;
  believed: number;
  refused: number;
  outputs: number;
}

function onePeer(random: Chance, sum: Sum): void {
  const signer = signerOf(KEY);
  const output = new CellOutput();
  // Of the signed ones it knows that they are: whatever else is believed was forged.
  const signed = new Set<string>();
  const peer = new Peer(
    { type: 'DEALER', identity: 'x' },
    {
      send: () => undefined,
      ready: () => undefined,
      dropped: () => undefined,
      message: (frames) => {
        const decoded = decodeMessage(signer, frames);
        if (decoded.kind === 'refused') {
          sum.refused += 1;
          return;
        }
        const { header, content } = decoded.message;
        if (!signed.has(header.msg_id))
          throw new Error(`believed what was never signed: ${JSON.stringify(header)}`);
        sum.believed += 1;
        sum.outputs += 1;
        output.add(header.msg_type, content);
        bundleOf(content);
      },
    },
  );
  peer.begin();
  const pieces: Uint8Array[] = [
    random.below(6) === 0 ? mutated(random, greeting()) : greeting(),
    random.below(6) === 0
      ? mutated(random, commandFrame('READY', readyBody('ROUTER', '')))
      : commandFrame('READY', readyBody('ROUTER', '')),
  ];
  for (let number = 0; number < FRAMES_A_PEER; number += 1) {
    pieces.push(frame(random, signed));
    sum.frames += 1;
  }
  try {
    for (const chunk of cutUp(random, Buffer.concat(pieces))) peer.receive(chunk);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    sum.violations += 1;
  }
  output.end();
}

const TYPES = [
  'stream',
  'display_data',
  'execute_result',
  'update_display_data',
  'error',
  'clear_output',
  'status',
  '__proto__',
];

function frame(random: Chance, signed: Set<string>): Uint8Array {
  const message = (key = KEY): Buffer => {
    const msg_id = `m-${random.below(2 ** 31)}`;
    if (key === KEY) signed.add(msg_id);
    const header = {
      msg_id,
      msg_type: random.pick(TYPES),
      session: word(random, 2),
      username: value(random),
    };
    const frames = encodeMessage(signerOf(key), {
      header,
      parent: value(random) as Facts,
      content: strangeContent(random),
    });
    return Buffer.concat(messageChunks(frames));
  };
  return random.pick<() => Uint8Array>([
    () => message(),
    () => message(),
    () => message(),
    () => message(),
    () => message({ ...KEY, key: 'another' }),
    () => mutated(random, message()),
    () =>
      Buffer.concat(
        messageChunks([
          Buffer.from('<IDS|MSG>'),
          ...Array.from({ length: random.below(8) }, () => bytes(random, 40)),
        ]),
      ),
    () => Buffer.concat(messageChunks([Buffer.from('<IDS|MSG>'), Buffer.from(strangeJson(random))])),
    () =>
      commandFrame(random.pick(['PING', 'PONG', 'ERROR', 'READY', 'SUBSCRIBE', 'JOIN']), bytes(random, 60)),
    () => Buffer.concat(messageChunks(Array.from({ length: random.below(1_100) }, () => Buffer.of(0)))),
    () => Buffer.of(2, 0, 0, 0, 0, random.below(8), 255, 255, 255),
    () => bytes(random, 60),
  ])();
}

function strangeContent(random: Chance): Facts {
  const text = (): unknown =>
    random.pick<() => unknown>([() => word(random, 30), () => value(random), () => ['a', 1, null]])();
  return random.pick<() => Facts>([
    () => ({ name: random.pick(['stdout', 'stderr', 'x', null]), text: text() }),
    () => ({
      data: {
        'text/html': text(),
        'image/png': text(),
        '../../x': text(),
        ['image/svg+xml']: '<svg onload=x>',
      },
      transient: { display_id: text() },
      metadata: value(random),
    }),
    () => ({ ename: text(), evalue: text(), traceback: text() }),
    () => ({ wait: text() }),
    () => value(random) as Facts,
  ])();
}

function* cutUp(random: Chance, whole: Buffer): Generator<Buffer> {
  let at = 0;
  while (at < whole.length) {
    const length = random.below(3) === 0 ? 1 + random.below(5) : 1 + random.below(4_000);
    // A copy of its own: the runtime, too, gives each piece that came a new one.
    yield Buffer.from(whole.subarray(at, at + length));
    at += length;
  }
}

function strangeFile(random: Chance): void {
  const field = (): unknown =>
    random.pick<() => unknown>([
      () => value(random),
      () => random.below(70_000),
      () => 'tcp',
      () => word(random),
    ])();
  const names = [
    'shell_port',
    'iopub_port',
    'stdin_port',
    'control_port',
    'hb_port',
    'ip',
    'key',
    'transport',
    'signature_scheme',
  ];
  const text =
    random.below(4) === 0
      ? strangeJson(random)
      : JSON.stringify(Object.fromEntries(names.map((name) => [name, field()])));
  let why = '';
  try {
    const { ports } = parseConnectionInfo(text);
    if (Object.values(ports).some((port) => !Number.isInteger(port) || port < 1))
      why = `ports ${JSON.stringify(ports)}`;
  } catch (error) {
    // A name of an error of the runtime's own would be a fault of ours.
    if (!(error instanceof Error) || error.constructor !== Error) why = String(error);
  }
  if (why !== '') throw new Error(`a connection file ${text.slice(0, 500)} led to ${why}`);
}
