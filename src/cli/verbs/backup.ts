/** `ipc backup`: a copy of everything while it is in use: the store, and the files beside it. */
import { constants } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { formatBytes } from '../../present/excerpt.ts';
import { Failure } from '../../protocol/failures.ts';
import { errorCode } from '../../system/files.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { progressBar } from '../progress.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('store.backup');

const spec: Spec = {
  name: 'backup',
  summary: table.summary,
  usage: '[file]',
  group: 'care',
  words: { min: 0, max: 1 },
  flags: [],
  examples: [['ipc backup ~/ipc-monday.db', 'and the files that messages carry in ~/ipc-monday.db.blobs/']],
  notes: `To restore, with the daemon stopped and the home as \`ipc config path\` shows it (here ~/.ipc):
  ipc daemon stop
  rm -f ~/.ipc/ipc.db-wal ~/.ipc/ipc.db-shm ~/.ipc/ipc.db.mark
  cp ~/ipc-monday.db ~/.ipc/ipc.db
  cp -r ~/ipc-monday.db.blobs/. ~/.ipc/blobs/
  ipc daemon start
ipc.db.mark knows what the store held last: with it, an older one is refused as having lost mail.
Secrets are not in it: copy ~/.ipc/keys (by which you own names), ~/.ipc/tokens.json, ~/.ipc/token and
~/.ipc/webhooks (the doors of ipc serve) too, those that are there, and keep that copy private.`,
  operations: { 'store.backup': {} },
};

async function run(call: Call): Promise<void> {
  const [word] = call.words;
  const target = word === undefined ? undefined : resolve(call.world.environment.directory, word);
  if (target !== undefined) await refuseExisting(target);
  await using session = await call.open({ agent: 'none' });
  const made = await session.operations['store.backup']({});
  const path = target ?? made.path;
  if (target !== undefined) await move(made.path, target);
  const folder = `${path}.blobs`;
  if (made.blobs.length > 0) await copyBlobs(call, made.blobs, folder);
  const done = {
    path,
    bytes: made.bytes,
    blobs: made.blobs.map((blob) => `${folder}/${placeOf(blob)}`),
  };
  await call.tell(done, () => {
    const files = made.blobs.length === 0 ? '' : `, ${made.blobs.length} files in ${folder}`;
    return `${path} (${formatBytes(made.bytes)})${files}\n`;
  });
}

async function refuseExisting(target: string): Promise<void> {
  if (!(await Bun.file(target).exists())) return;
  throw new Failure('cannot_create', `wanted a new file, found one at ${target}`, {
    hint: `ls -l ${target}`,
  });
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw cannot(to, error);
    // Another file system: a copy, which must not take the place of a file made meanwhile.
    await copyFile(from, to, constants.COPYFILE_EXCL).catch((why: unknown) =>
      Promise.reject(cannot(to, why)),
    );
    await rm(from);
  }
}

async function copyBlobs(call: Call, blobs: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  using bar = progressBar(call.output, 'files');
  for (const [index, blob] of blobs.entries()) {
    const copy = `${folder}/${placeOf(blob)}`;
    await mkdir(dirname(copy), { recursive: true, mode: 0o700 });
    await copyFile(blob, copy, constants.COPYFILE_FICLONE);
    bar.step(index + 1, blobs.length);
  }
}

/** `ab/ab12…` as in the store, so that the folder can be copied back as it is. */
function placeOf(blob: string): string {
  return `${basename(dirname(blob))}/${basename(blob)}`;
}

function cannot(path: string, cause: unknown): Failure {
  return new Failure('cannot_create', `wanted to write ${path}: ${String(cause)}`, {
    hint: `ls -ld ${path}`,
    cause,
  });
}

export const verb = { spec, run };
