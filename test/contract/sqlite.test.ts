/** The embedded engine against the contract, in memory and in a file. */
import { afterAll } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobs } from '../../src/store/blobs.ts';
import { openStore } from '../../src/store/open.ts';
import { blobsContract } from './blobs-contract.ts';
import { storeContract } from './store-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'ipc-contract-'));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;

storeContract('SQLite in memory', () => openStore({ path: ':memory:' }));
storeContract('SQLite in a file', () => openStore({ path: join(folder, `${(count += 1)}.db`) }));

blobsContract('blobs in files', () => {
  const directory = join(folder, `blobs-${(count += 1)}`);
  return { blobs: openBlobs({ directory }), staging: join(directory, 'staging') };
});
