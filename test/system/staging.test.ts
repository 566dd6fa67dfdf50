import { expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { stageFile, stageStream, unstage } from '../../src/system/staging.ts';
import { temporaryHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';

function hash(bytes: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(bytes).digest('hex');
}

function randomBytes(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536)
    crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)));
  return bytes;
}

test.each([0, 1, 5_000_000])(
  'a file of %d bytes is staged exact, private, with its hash and size',
  async (size) => {
    await using home = await temporaryHome();
    const bytes = randomBytes(size);
    writeFileSync(`${home.path}/model.bin`, bytes);
    chmodSync(`${home.path}/model.bin`, 0o444);
    const seen: number[] = [];
    const staged = await stageFile(home.paths, `${home.path}/model.bin`, {
      progress: (done) => void seen.push(done),
    });
    const path = `${home.paths.staging}/${staged.staged}`;
    expect(staged).toMatchObject({ sha256: hash(bytes), size });
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    if (size > 0) expect(seen.at(-1)).toBe(size);
  },
);

test('what is piped in is staged as it comes', async () => {
  await using home = await temporaryHome();
  const chunks = [randomBytes(10), randomBytes(200_000), randomBytes(1)];
  const staged = await stageStream(home.paths, each(chunks));
  const bytes = Buffer.concat(chunks);
  expect(staged).toMatchObject({ sha256: hash(bytes), size: bytes.length });
  expect(readFileSync(`${home.paths.staging}/${staged.staged}`).equals(bytes)).toBe(true);
});

test('a file that is not there, or is no plain file, is named', async () => {
  await using home = await temporaryHome();
  mkdirSync(`${home.path}/folder`);
  for (const name of ['missing', 'folder']) {
    expect(await rejection(stageFile(home.paths, `${home.path}/${name}`))).toMatchObject({
      code: 'no_such_file',
      exit: 66,
      message: expect.stringContaining(name),
    });
  }
});

test('what is given up leaves nothing in the staging folder', async () => {
  await using home = await temporaryHome();
  const stop = new AbortController();
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      yield randomBytes(1_000);
      stop.abort();
    }
  }
  expect(await rejection(stageStream(home.paths, endless(), { signal: stop.signal }))).toBeDefined();
  writeFileSync(`${home.path}/file`, 'x');
  const staged = await stageFile(home.paths, `${home.path}/file`);
  expect(existsSync(`${home.paths.staging}/${staged.staged}`)).toBe(true);
  unstage(home.paths, staged);
  expect(readdirSync(home.paths.staging)).toEqual([]);
});

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

test('a staging folder that cannot be made is not the fault of the file', async () => {
  await using home = await temporaryHome();
  writeFileSync(`${home.path}/model.bin`, 'x');
  mkdirSync(home.paths.blobs);
  writeFileSync(home.paths.staging, '');
  expect(await rejection(stageFile(home.paths, `${home.path}/model.bin`))).toMatchObject({
    code: 'cannot_create',
  });
});
