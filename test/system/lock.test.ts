import { expect, test } from 'bun:test';
import { unlinkSync } from 'node:fs';
import { tryLock, waitForLock } from '../../src/system/lock.ts';
import { temporaryHome } from '../support/home.ts';

const lockModule = `${import.meta.dir}/../../src/system/lock.ts`;

/** Another process that takes the lock, says so, and does what it is told. */
function holder(path: string, then: string) {
  const script = `
    const { tryLock } = await import(${JSON.stringify(lockModule)});
    const lock = await tryLock(${JSON.stringify(path)});
    console.log(lock === undefined ? 'refused' : 'held');
    ${then}
  `;
  return Bun.spawn([process.execPath, '-e', script], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' });
}

async function said(stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const chunk of stream) return new TextDecoder().decode(chunk).trim();
  return '';
}

test('a lock is held by one process at a time', async () => {
  await using home = await temporaryHome();
  const path = `${home.path}/a.lock`;
  using mine = await tryLock(path);
  expect(mine).toBeDefined();
  expect(await tryLock(path)).toBeUndefined();
  const other = holder(path, '');
  expect(await said(other.stdout)).toBe('refused');
  await other.exited;
});

test('a lock whose file was deleted is taken again, unless somebody else was faster', async () => {
  await using home = await temporaryHome();
  const path = `${home.path}/a.lock`;
  using mine = await tryLock(path);
  expect(mine?.keep()).toBe('held');
  unlinkSync(path);
  expect(mine?.keep()).toBe('retaken');
  expect(mine?.keep()).toBe('held');
  expect(await tryLock(path)).toBeUndefined();
  unlinkSync(path);
  const other = holder(path, 'await new Promise(() => setInterval(() => {}, 1000));');
  expect(await said(other.stdout)).toBe('held');
  expect(mine?.keep()).toBe('lost');
  other.kill('SIGKILL');
  await other.exited;
  expect(mine?.keep()).toBe('retaken');
});

test('a lock that is let go can be taken', async () => {
  await using home = await temporaryHome();
  const path = `${home.path}/a.lock`;
  (await tryLock(path))?.[Symbol.dispose]();
  using again = await tryLock(path);
  expect(again).toBeDefined();
});

test('the lock of a process that is killed is free at once', async () => {
  await using home = await temporaryHome();
  const path = `${home.path}/a.lock`;
  const other = holder(path, 'await new Promise(() => setInterval(() => {}, 1000));');
  expect(await said(other.stdout)).toBe('held');
  expect(await tryLock(path)).toBeUndefined();
  other.kill('SIGKILL');
  await other.exited;
  using mine = await tryLock(path);
  expect(mine).toBeDefined();
});

test('a lock nobody refers to any more survives the garbage collector', async () => {
  await using home = await temporaryHome();
  const path = `${home.path}/a.lock`;
  const other = holder(
    path,
    `(() => { globalThis.nothing = undefined; })();
     for (let round = 0; round < 5; round += 1) { Bun.gc(true); await new Promise((resolve) => setImmediate(resolve)); }
     console.log('collected');
     await new Promise(() => setInterval(() => {}, 1000));`,
  );
  let output = '';
  for await (const chunk of other.stdout) {
    output += new TextDecoder().decode(chunk);
    if (output.includes('collected')) break;
  }
  expect(output).toStartWith('held');
  expect(await tryLock(path)).toBeUndefined();
  other.kill('SIGKILL');
  await other.exited;
});

test('who waits for a lock gets it when it is let go, or gives up when waiting is pointless', async () => {
  await using home = await temporaryHome();
  const path = `${home.path}/a.lock`;
  const first = await tryLock(path);
  const waiting = waitForLock(path, { milliseconds: 10_000 });
  expect(await waitForLock(path, { milliseconds: 10_000, isPointless: async () => true })).toBeUndefined();
  expect(await waitForLock(path, { milliseconds: 1 })).toBeUndefined();
  first?.[Symbol.dispose]();
  using second = await waiting;
  expect(second).toBeDefined();
});
