/** The wire by itself: any chunking, any frames, any keys. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseConnectionInfo, connectionText } from '../../src/kernel/connection-info.ts';
import { toCodePoints, toUnits } from '../../src/kernel/code-points.ts';
import { FairQueue } from '../../src/kernel/fair-queue.ts';
import { freeConnection } from '../../src/kernel/launch.ts';
import { decodeMessage, encodeMessage, signerOf } from '../../src/kernel/message.ts';
import { commandFrame, FrameReader, messageChunks } from '../../src/kernel/zmtp/frame.ts';
import { greeting, readyBody } from '../../src/kernel/zmtp/greeting.ts';
import { Peer } from '../../src/kernel/zmtp/peer.ts';
import { thrownBy } from '../support/thrown.ts';

test('messages come out as they went in, however the bytes are cut', () => {
  const frame = fc.uint8Array({ maxLength: 700 });
  const messages = fc.array(fc.array(frame, { minLength: 1, maxLength: 5 }), { maxLength: 6 });
  fc.assert(
    fc.property(messages, fc.infiniteStream(fc.integer({ min: 1, max: 90 })), (sent, sizes) => {
      const got: number[][][] = [];
      const reader = new FrameReader({
        message: (frames) => got.push(frames.map((each) => [...each])),
        command: () => undefined,
        dropped: () => undefined,
      });
      const bytes = Buffer.concat(sent.flatMap((frames) => [...messageChunks(frames)]));
      for (let at = 0; at < bytes.length;) {
        const size = sizes.next().value ?? 1;
        // A copy: the reader must not rely on bytes that are given to somebody else later.
        reader.push(Buffer.from(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(got).toEqual(sent.map((frames) => frames.map((each) => [...each])));
    }),
  );
});

test('a message over the limit is dropped to its last byte, and the next one is whole', () => {
  const seen: string[] = [];
  const reader = new FrameReader(
    {
      message: (frames) => seen.push(frames.join('|')),
      command: (name) => seen.push(name),
      dropped: (bytes) => seen.push(`dropped ${bytes}`),
    },
    { messageBytes: 1_000, absurdBytes: 10_000, framesInMessage: 3 },
  );
  const bytes = Buffer.concat([
    ...messageChunks([Buffer.alloc(600), Buffer.alloc(600)]),
    ...messageChunks([Buffer.from('a'), Buffer.from('b')]),
    commandFrame('PING', Buffer.of(0, 0)),
    ...messageChunks(['1', '2', '3', '4'].map((each) => Buffer.from(each))),
    ...messageChunks([Buffer.from('end')]),
  ]);
  for (const byte of bytes) reader.push(Buffer.of(byte));
  expect(seen).toEqual(['dropped 1200', 'a|b', 'PING', 'dropped 4', 'end']);
});

test('a PING is answered with its own context', () => {
  const sent: Uint8Array[] = [];
  const peer = new Peer(
    { type: 'DEALER', identity: 'me' },
    {
      ready: () => undefined,
      message: () => undefined,
      dropped: () => undefined,
      send: (chunks) => sent.push(...chunks),
    },
  );
  peer.receive(greeting());
  peer.receive(Buffer.from(commandFrame('READY', readyBody('ROUTER', ''))));
  peer.receive(Buffer.from(commandFrame('PING', Buffer.from('\0\u0010context', 'latin1'))));
  expect(Buffer.from(sent.at(-1) ?? []).toString('latin1')).toEndWith('\u0004PONGcontext');
});

test('a message signed with another key, or changed by a bit, is refused; with no key there is no signature', () => {
  const key = { key: 'k', signatureScheme: 'hmac-sha256' };
  const message = { header: { msg_id: '1', msg_type: 'status', session: 's' }, content: { a: 1 } };
  const frames = encodeMessage(signerOf(key), message).map((frame) => Buffer.from(frame));
  expect(decodeMessage(signerOf(key), frames).kind).toBe('message');
  expect(decodeMessage(signerOf({ ...key, key: 'other' }), frames)).toEqual({
    kind: 'refused',
    reason: 'signature',
  });
  for (let part = 2; part < frames.length; part += 1) {
    const changed = frames.map((frame) => Buffer.from(frame));
    const target = changed[part];
    if (target !== undefined) target[0] = (target[0] ?? 0) ^ 1;
    expect(decodeMessage(signerOf(key), changed)).toEqual({ kind: 'refused', reason: 'signature' });
  }
  const open = signerOf({ ...key, key: '' });
  expect(encodeMessage(open, message)[1]?.length).toBe(0);
  expect(
    decodeMessage(
      open,
      encodeMessage(open, message).map((frame) => Buffer.from(frame)),
    ).kind,
  ).toBe('message');
  expect(decodeMessage(open, [Buffer.from('<IDS|MSG>')])).toEqual({ kind: 'refused', reason: 'shape' });
});

test('a connection file is read as it was written, and a bad one is refused without showing its key', () => {
  const info = freeConnection('python3');
  expect(parseConnectionInfo(connectionText(info))).toEqual(info);
  expect(new Set(Object.values(info.ports)).size).toBe(5);
  const bad = [
    { ...JSON.parse(connectionText(info)), shell_port: 99_999 },
    { ...JSON.parse(connectionText(info)), signature_scheme: 'rot13' },
    { ...JSON.parse(connectionText(info)), transport: 'pigeon' },
    [info.key],
  ];
  for (const json of bad) {
    const error = String(thrownBy(() => parseConnectionInfo(JSON.stringify(json))));
    expect(error).toStartWith('Error: it');
    expect(error).not.toContain(info.key);
  }
});

test('code points and UTF-16 units are told apart', () => {
  expect(toCodePoints('😀a', 2)).toBe(1);
  expect(toUnits('😀a', 1)).toBe(2);
});

test('a queue serves owners in turn and keeps the order of each', () => {
  const queue = new FairQueue<string>();
  for (const [owner, work] of [
    ['a', 'a1'],
    ['a', 'a2'],
    ['a', 'a3'],
    ['b', 'b1'],
    ['c', 'c1'],
    ['b', 'b2'],
  ] as const)
    queue.add(owner, work);
  const order = queue.all();
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  expect(queue.remove('b1')).toBe(true);
  expect(Array.from({ length: 6 }, () => queue.take())).toEqual(['a1', 'b2', 'c1', 'a2', 'a3', undefined]);
});
