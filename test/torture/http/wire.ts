/** What is wrong with the bytes around a request: its Host, path, headers, lengths and chunks. */
import type { Chance } from '../chance.ts';
import { word } from '../hostile.ts';
import { encoded, type Headers, JSON_TYPE, oneLine, request } from './request.ts';

export function strangeHost(random: Chance): string {
  return random.pick([
    'evil.example',
    'localhost.evil.example',
    'localhost:99999',
    '127.0.0.1:0',
    '[::1',
    '[::ffff:127.0.0.1]',
    'localhost@evil.example',
    'localhost, evil.example',
    '0x7f.1',
    'LOCALHOST',
    '',
    oneLine(word(random)),
  ]);
}

export function strangeHeaders(random: Chance): Headers {
  const strange = (): readonly [string, string] =>
    random.pick([
      ['host', 'evil.example'],
      ['host', 'localhost'],
      ['authorization', 'Bearer ipc_other'],
      ['content-length', random.pick(['-1', '1e3', '0x10', '99999999999999999999', ' 2 ', '2, 2', '+2'])],
      [
        'content-type',
        random.pick(['application/json; charset=utf-16', 'text/plain', oneLine(word(random))]),
      ],
      ['content-encoding', 'gzip'],
      ['expect', '100-continue'],
      ['upgrade', 'h2c'],
      ['connection', random.pick(['upgrade', 'close, keep-alive', 'authorization'])],
      ['idempotency-key', oneLine(word(random, 40))],
      ['last-event-id', oneLine(word(random))],
      ['origin', random.pick(['null', 'http://localhost', 'http://evil.example'])],
      ['sec-fetch-site', random.pick(['cross-site', 'none'])],
      ['x-forwarded-for', '10.0.0.1'],
      ['x-injected', `a\r\nx-second: ${oneLine(word(random))}`],
      ['x-bare', `a\n x: b`],
      [oneLine(word(random, 2)), oneLine(word(random))],
      ['x-long', 'x'.repeat(random.below(40_000))],
      ['range', 'bytes=0-0,1-1,2-2,-9999999999999999'],
      ['__proto__', 'x'],
    ]);
  const most = random.below(20) === 0 ? 300 : 4;
  return Array.from({ length: 1 + random.below(most) }, strange);
}

export function strangePath(random: Chance): string {
  const part = (): string => oneLine(encoded(random, word(random, 3)));
  return random.pick([
    () => `/${'../'.repeat(random.below(9))}etc/passwd`,
    () => `/v1/files/${part()}/${part()}`,
    () => `/v1/files/01234567-89ab-7def-8123-456789abcdef/${'0'.repeat(64)}`,
    () => `/hooks/${part()}`,
    () => `/v1/${part()}`,
    () => `http://evil.example/v1/who`,
    () => `http://localhost/v1/who`,
    () => '*',
    () => `//evil.example/v1`,
    () => `/v1/who;${part()}`,
    () => `/v1/%77%68%6f`,
    () => `/V1/WHO`,
    () => `/v1/who#${part()}`,
    () => `/v1//who`,
    () => `/v1/send?${'a=b&'.repeat(random.below(2_000))}`,
    () => `/${'a'.repeat(random.below(20_000))}`,
    () => word(random),
  ])();
}

/** One request that a lax server would take for two. */
export function smuggle(random: Chance, auth: Headers[number], inner: Buffer): Buffer {
  const both = (lengths: Headers): Buffer =>
    request({ path: '/v1/whoami', headers: [auth, JSON_TYPE, ...lengths] });
  const chunked = random.pick([
    'chunked',
    'chunked, identity',
    'identity, chunked',
    ' chunked',
    'xchunked',
    'chunked\t',
    'Chunked',
    'chunked\r\ntransfer-encoding: identity',
    '\u000bchunked',
  ]);
  const length = String(random.pick([0, 2, 5, inner.length + 5]));
  const head = random.pick([
    () =>
      both([
        ['content-length', length],
        ['transfer-encoding', chunked],
      ]),
    () =>
      both([
        ['transfer-encoding', chunked],
        ['content-length', length],
      ]),
    () =>
      both([
        ['content-length', '0'],
        ['content-length', String(inner.length)],
      ]),
    () =>
      both([
        ['content-length', String(inner.length)],
        ['content-length', '0'],
      ]),
    () =>
      both([
        ['content-length ', '0'],
        ['content-length', String(inner.length)],
      ]),
    () => both([['content-length', `0, ${inner.length}`]]),
  ])();
  return Buffer.concat([head, Buffer.from(random.pick(['0\r\n\r\n', '{}', ''])), inner]);
}

export function strangeChunks(random: Chance): Buffer {
  const piece = (): string =>
    random.pick([
      '2\r\n{}\r\n',
      '0\r\n\r\n',
      'zz\r\n{}\r\n',
      '-1\r\n{}\r\n',
      'ffffffffffffffff\r\n{}\r\n',
      '7fffffff\r\n',
      '2;ext="\r\n"\r\n{}\r\n',
      '2\n{}\n',
      '0\r\nx-trailer: y\r\n\r\n',
      '00000000000000000000000002\r\n{}\r\n',
      '2\r\n{}{}\r\n',
      ' 2\r\n{}\r\n',
      oneLine(word(random)),
    ]);
  return Buffer.from(Array.from({ length: 1 + random.below(5) }, piece).join(''));
}
