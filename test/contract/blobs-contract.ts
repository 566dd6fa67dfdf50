/** What a keeper of blobs is: bytes by content, adopted whole or not at all. */
import { describe, expect, test } from 'bun:test';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Blobs } from '../../src/core/ports.ts';
import type { StagedBlob } from '../../src/protocol/model.ts';
import { DAY } from './town.ts';

export interface BlobHouse {
  readonly blobs: Blobs;
  /** Where clients put what is to be adopted. */
  readonly staging: string;
}

export function blobsContract(name: string, open: () => BlobHouse): void {
  const opened = (): BlobHouse & { readonly stage: (text: string) => StagedBlob } => {
    const house = open();
    mkdirSync(house.staging, { recursive: true });
    const stage = (text: string): StagedBlob => {
      const staged = crypto.randomUUID();
      writeFileSync(join(house.staging, staged), text);
      const sha256 = new Bun.CryptoHasher('sha256').update(text).digest('hex');
      return { staged, sha256, size: Buffer.byteLength(text) };
    };
    return { ...house, stage };
  };

  describe(name, () => {
    test('a staged file is adopted and found by its content', async () => {
      const { blobs, staging, stage } = opened();
      const staged = { ...stage('hello'), type: 'text/plain' };
      expect(await blobs.adopt(staged)).toEqual({
        ok: true,
        blob: { sha256: staged.sha256, size: 5, type: 'text/plain' },
      });
      expect(readFileSync(blobs.path(staged.sha256), 'utf8')).toBe('hello');
      expect(existsSync(join(staging, staged.staged))).toBe(false);
      expect(await blobs.missing([staged.sha256, 'f'.repeat(64)])).toEqual(['f'.repeat(64)]);
    });

    test('adopting again, or the same bytes from somebody else, is fine', async () => {
      const { blobs, staging, stage } = opened();
      const [first, second] = [stage('same'), stage('same')];
      for (const staged of [first, first, second])
        expect(await blobs.adopt(staged)).toMatchObject({ ok: true });
      expect(existsSync(join(staging, second.staged))).toBe(false);
    });

    test('another size, a missing file, a link or a path are refused', async () => {
      const { blobs, staging, stage } = opened();
      const staged = stage('hello');
      expect(await blobs.adopt({ ...staged, size: 6 })).toMatchObject({ ok: false, code: 'invalid_data' });
      const absent = { ...staged, staged: crypto.randomUUID() };
      expect(await blobs.adopt(absent)).toMatchObject({ ok: false, code: 'no_such_file' });
      const link = { ...staged, staged: crypto.randomUUID() };
      symlinkSync(join(staging, staged.staged), join(staging, link.staged));
      expect(await blobs.adopt(link)).toMatchObject({ ok: false, code: 'invalid_data' });
      const outside = { ...staged, staged: `../${staged.staged}` };
      expect(await blobs.adopt(outside)).toMatchObject({ ok: false, code: 'invalid_data' });
      expect(await blobs.missing([staged.sha256])).toEqual([staged.sha256]);
      expect(() => blobs.path('../../etc/passwd')).toThrow('SHA-256');
    });

    test('nothing is adopted from a staging folder that is a link to another', async () => {
      const { blobs, staging, stage } = opened();
      const staged = stage('elsewhere');
      renameSync(staging, `${staging}-moved`);
      symlinkSync(`${staging}-moved`, staging);
      expect(await blobs.adopt(staged)).toMatchObject({ ok: false, code: 'invalid_data' });
      expect(existsSync(join(`${staging}-moved`, staged.staged))).toBe(true);
    });

    test('nobody but the owner reads a blob, and nobody writes it', async () => {
      const { blobs, stage } = opened();
      const staged = stage('secret');
      await blobs.adopt(staged);
      expect(lstatSync(blobs.path(staged.sha256)).mode & 0o777).toBe(0o400);
    });

    test('a discard passes over what was adopted since, once', async () => {
      const { blobs, stage } = opened();
      const staged = stage('wanted again');
      await blobs.adopt(staged);
      await blobs.discard([staged.sha256]);
      expect(await blobs.missing([staged.sha256])).toEqual([]);
      await blobs.discard([staged.sha256]);
      expect(await blobs.missing([staged.sha256])).toEqual([staged.sha256]);
      await blobs.discard([staged.sha256]);
    });

    test('staged files that nobody sent go after a day', async () => {
      const { blobs, staging, stage } = opened();
      const [old, fresh] = [stage('old'), stage('fresh')];
      const now = Date.now();
      utimesSync(join(staging, old.staged), (now - 2 * DAY) / 1_000, (now - 2 * DAY) / 1_000);
      await blobs.sweep(now);
      expect([old, fresh].map(({ staged }) => existsSync(join(staging, staged)))).toEqual([false, true]);
    });
  });
}
