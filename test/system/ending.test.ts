import { describe, expect, test } from 'bun:test';

const ending = `${import.meta.dir}/../../src/system/ending.ts`;

async function ended(program: string): Promise<{ code: number; stderr: string }> {
  const source = `import { endWith } from ${JSON.stringify(ending)}; endWith(${program}, (code) => process.exit(code));`;
  const child = Bun.spawn([process.execPath, '-e', source], { stdout: 'ignore', stderr: 'pipe' });
  const [code, stderr] = await Promise.all([child.exited, child.stderr.text()]);
  return { code, stderr };
}

describe('a process', () => {
  test('ends with what its program returned, whatever is still open', async () => {
    const program = '(async () => { setInterval(() => {}, 1_000); return 3; })()';
    expect(await ended(program)).toEqual({ code: 3, stderr: '' });
  });

  test('that waits for what nothing can bring says so and ends, instead of spinning', async () => {
    const { code, stderr } = await ended('new Promise(() => {})');
    expect(code).toBe(1);
    expect(stderr).toContain('nothing that could bring it');
  });

  test('whose program failed ends with the failure', async () => {
    const { code, stderr } = await ended("Promise.reject(new Error('no luck'))");
    expect(code).toBe(1);
    expect(stderr).toContain('no luck');
  });
});
