/** stdout carries JSON-RPC and nothing else, however noisy what was loaded beside it. */
import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { lines } from '../e2e/machine.ts';
import { temporaryHome } from '../support/home.ts';

const main = join(import.meta.dir, '../../src/main.ts');

/** Prints in every way a careless dependency would, all the time once the server serves. */
const noisy = `
  import { existsSync } from 'node:fs';
  setInterval(() => {
    if (!existsSync(import.meta.dir + '/served')) return;
    console.log('NOISE log');
    console.info('NOISE info');
    console.debug('NOISE debug');
    console.table([{ NOISE: 'table' }]);
    console.dir({ NOISE: 'dir' });
    process.stdout.write('NOISE write\\n');
  }, 1);`;

describe('stdout', () => {
  test('has only frames of JSON-RPC while a module prints without end; its words are on stderr', async () => {
    await using home = await temporaryHome();
    await Bun.write(join(home.path, 'noisy.ts'), noisy);
    const child = Bun.spawn(
      [process.execPath, '--preload', join(home.path, 'noisy.ts'), main, 'mcp', '--as', 'bob'],
      {
        cwd: home.path,
        env: { ...home.variables },
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'pipe',
      },
    );
    const frame = (message: object): string => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'n', version: '1' },
    };
    await child.stdin.write(frame({ id: 1, method: 'initialize', params }));
    await child.stdin.flush();
    const out = lines(child.stdout);
    const received = [String((await out.next()).value)];
    await Bun.write(join(home.path, 'served'), '');
    await child.stdin.write(
      frame({ method: 'notifications/initialized' }) +
        frame({ id: 2, method: 'tools/call', params: { name: 'check', arguments: { wait: 0.3 } } }),
    );
    await child.stdin.end();
    const talking = child.stderr.text();
    for await (const line of out) received.push(line);
    const [talk, code] = await Promise.all([talking, child.exited]);
    const frames = received.map((line) => JSON.parse(line) as { jsonrpc: string; id?: number });
    expect(frames.map(({ jsonrpc }) => jsonrpc)).toEqual(frames.map(() => '2.0'));
    expect(frames.map(({ id }) => id)).toEqual([1, 2]);
    expect(talk).toContain('NOISE write');
    expect(talk).toContain('NOISE log');
    expect(code).toBe(0);
  });
});
