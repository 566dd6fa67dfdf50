import { describe, expect, test } from 'bun:test';
import { colourWanted } from '../../src/cli/output.ts';
import { barText } from '../../src/cli/progress.ts';
import { readPiped } from '../../src/cli/stdin.ts';
import { projectOf } from '../../src/cli/project.ts';
import { readEnvironment } from '../../src/system/environment.ts';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';

const wanted = (variables: Record<string, string>, stream: { terminal: boolean; noColor?: true }): boolean =>
  colourWanted(
    { ...readEnvironment(), variables },
    { terminal: () => stream.terminal, noColor: stream.noColor === true },
  );

describe('colour', () => {
  test.each<[string, Record<string, string>, { terminal: boolean; noColor?: true }, boolean]>([
    ['is for terminals', {}, { terminal: true }, true],
    ['is not for pipes', {}, { terminal: false }, false],
    [
      'NO_COLOR of any value forbids it (citty wanted "1", trap 6)',
      { NO_COLOR: 'yes' },
      { terminal: true },
      false,
    ],
    ['an empty NO_COLOR says nothing', { NO_COLOR: '' }, { terminal: true }, true],
    ['IPC_NO_COLOR forbids it', { IPC_NO_COLOR: '1' }, { terminal: true }, false],
    ['--no-color forbids it', { FORCE_COLOR: '1' }, { terminal: true, noColor: true }, false],
    ['a dumb terminal has none', { TERM: 'dumb' }, { terminal: true }, false],
    ['FORCE_COLOR brings it to a pipe', { FORCE_COLOR: '1' }, { terminal: false }, true],
    ['FORCE_COLOR=0 forbids it', { FORCE_COLOR: '0' }, { terminal: true }, false],
    ['CI and TEST do not matter', { CI: '1', TEST: '1' }, { terminal: true }, true],
  ])('%s', (_name, variables, stream, expected) => {
    expect(wanted(variables, stream)).toBe(expected);
  });
});

describe('stdin', () => {
  const piped = async (...chunks: Uint8Array[]) => {
    const found = await readPiped(
      (async function* () {
        yield* chunks;
      })(),
    );
    if ('text' in found) return found;
    const bytes: Uint8Array[] = [];
    for await (const chunk of found.bytes) bytes.push(chunk);
    return { bytes: Buffer.concat(bytes), isText: found.isText() };
  };

  test('a short text is a text, its byte order mark included, wherever the chunks part it', async () => {
    const bytes = Buffer.from('\ufeffü 漢 👍');
    for (let at = 0; at <= bytes.length; at += 1)
      expect(await piped(bytes.subarray(0, at), bytes.subarray(at))).toEqual({ text: '\ufeffü 漢 👍' });
  });

  test('64 KiB are still short, one byte more is not', async () => {
    expect(await piped(Buffer.alloc(65_536, 'x'))).toEqual({ text: 'x'.repeat(65_536) });
    expect(await piped(Buffer.alloc(65_537, 'x'))).toEqual({
      bytes: Buffer.alloc(65_537, 'x'),
      isText: true,
    });
  });

  test('other bytes come through whole and are told from text, at any length', async () => {
    const bytes = Buffer.from([0x41, 0xff, 0xfe, 0x00]);
    expect(await piped(bytes)).toEqual({ bytes, isText: false });
    const long = Buffer.concat([Buffer.alloc(70_000, 'x'), bytes]);
    expect(await piped(long.subarray(0, 69_000), long.subarray(69_000))).toEqual({
      bytes: long,
      isText: false,
    });
    const half = Buffer.concat([Buffer.alloc(70_000, 'x'), Buffer.from('漢').subarray(0, 2)]);
    expect(await piped(half)).toEqual({ bytes: half, isText: false });
  });
});

describe('a progress bar', () => {
  test('tells how much of how much', () => {
    expect(barText('model.bin', 50_000_000, 100_000_000)).toBe(
      'model.bin [############............] 50% of 100 MB',
    );
    expect(barText('stdin', 1_000, undefined)).toBe('stdin 1 kB');
  });
});

describe('a project', () => {
  test('is the folder of the repository, with the branch it is on', async () => {
    const root = await mkdtemp(`${tmpdir()}/ipc-project-`);
    try {
      await mkdir(`${root}/app/.git`, { recursive: true });
      await mkdir(`${root}/app/src/deep`, { recursive: true });
      await writeFile(`${root}/app/.git/HEAD`, 'ref: refs/heads/feature/x\n');
      expect(projectOf(`${root}/app/src/deep`)).toEqual({ project: 'app', branch: 'feature/x' });
      await writeFile(`${root}/app/.git/HEAD`, '0123456789012345678901234567890123456789\n');
      expect(projectOf(`${root}/app`)).toEqual({ project: 'app' });
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
