/**
 * `bun run bench`: the measures of design §8, against floors measured in the same run on the same disk.
 *
 *   --quick      small enough for continuous integration
 *   --million    the row about size with 1 M messages instead of 50 k
 *   --only ROW   one of: cold first one many push fanout backlog file size http crowd hooks idle mcp kernel   (repeatable)
 *   --binary F   another binary than dist/ipc
 *   --folder D   where the homes are made; it must be on a disk
 *   --strict     exit 1 when an aim is missed
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../../package.json';
import { backlogRow, fileRow } from './bulk-rows.ts';
import { hookRows } from './hook-rows.ts';
import { crowdRow } from './http-crowd-row.ts';
import { httpRows } from './http-rows.ts';
import { idleRows } from './idle-row.ts';
import { coldRows, firstSendRow } from './process-rows.ts';
import { fanOutRow, pushRow } from './push-rows.ts';
import { kernelRows } from './kernel-rows.ts';
import { mcpRows } from './mcp-rows.ts';
import { type Row, jsonLine, table } from './report.ts';
import { manyClientsRow, oneClientRow } from './send-rows.ts';
import type { Bench } from './site.ts';
import { sizeRows } from './size-rows.ts';

const rows: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  cold: coldRows,
  first: firstSendRow,
  one: oneClientRow,
  many: manyClientsRow,
  push: pushRow,
  fanout: fanOutRow,
  backlog: backlogRow,
  file: fileRow,
  size: sizeRows,
  http: httpRows,
  crowd: crowdRow,
  hooks: hookRows,
  idle: idleRows,
  mcp: mcpRows,
  kernel: kernelRows,
};

/** File systems that forget: what is synced there was never written. */
const TMPFS = new Set([0x01021994, 0x858458f6]);

const root = resolve(import.meta.dir, '../..');
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    million: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    binary: { type: 'string', default: join(root, 'dist/ipc') },
    folder: { type: 'string', default: join(root, 'dist') },
    strict: { type: 'boolean', default: false },
  },
});

const chosen = values.only.length === 0 ? Object.keys(rows) : values.only;
const unknown = chosen.filter((name) => !Object.hasOwn(rows, name));
if (unknown.length > 0)
  throw new Error(`wanted rows of ${Object.keys(rows).join(', ')}, found ${unknown.join(', ')}`);
const binary = resolve(values.binary);
if (!existsSync(binary)) throw new Error(`wanted the binary ${binary}: run scripts/build first`);

mkdirSync(values.folder, { recursive: true });
if (TMPFS.has(statfsSync(values.folder).type)) {
  throw new Error(`wanted a folder on a disk, found ${values.folder} in memory: use --folder`);
}
const folder = mkdtempSync(join(resolve(values.folder), 'bench-'));
const note = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
const bench: Bench = { binary, folder, quick: values.quick, million: values.million, note };

const found: Row[] = [];
const broken: string[] = [];
try {
  for (const name of chosen) {
    note(`measuring ${name} …`);
    try {
      found.push(...((await rows[name]?.(bench)) ?? []));
    } catch (error) {
      broken.push(name);
      note(`row ${name} broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const machine = { cores: availableParallelism(), processor: cpus()[0]?.model ?? 'unknown', bun: Bun.version };
process.stdout.write(
  `\nipc ${version}, ${machine.cores} cores of ${machine.processor}, Bun ${machine.bun}\n\n`,
);
process.stdout.write(`${table(found)}\n`);
process.stdout.write(jsonLine({ bench: 'ipc', version, ...machine, quick: values.quick, broken }, found));
const missed = found.filter((row) => row.met === false);
if (broken.length > 0 || (values.strict && missed.length > 0)) process.exitCode = 1;
