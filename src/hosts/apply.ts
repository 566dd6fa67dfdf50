/**
 * Putting a plan into files and taking it out again. First every file of a client is read and its new text
 * made, and only when all of that went well is the first one written: a client is set up whole or not at
 * all. What a write that failed half way left is put back.
 */
import { existsSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../protocol/failures.ts';
import { makeFolder, removeIfThere, replaceFile } from '../system/files.ts';
import type { Paths } from '../system/paths.ts';
import { checkWritable, readConfigFile, removeConfigFile, writeConfigFile } from './config-file.ts';
import type { HostName, Plan, Target } from './host.ts';
import { holdsAll, unreadable, withOurs, withoutOurs } from './merge.ts';
import {
  dropText,
  type FileRecord,
  findRecord,
  hashOf,
  type HostRecord,
  keepRecord,
  keepText,
  keptText,
} from './record.ts';

export interface Change {
  readonly file: string;
  /** Undefined: there is no such file. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface Staged {
  readonly changes: readonly Change[];
  readonly warnings: readonly string[];
  /** Ours that somebody changed, and that stay. */
  readonly changed: readonly string[];
  commit(): void;
}

interface Draft extends Change {
  readonly record: FileRecord | undefined;
  /** The text that undoing goes back to; undefined: no file. */
  readonly base: string | undefined;
  /** Made for the file, and gone with it. */
  readonly folders: readonly string[];
}

export interface Where {
  readonly paths: Paths;
  readonly host: HostName;
  /** Undefined: the user's own settings. */
  readonly folder: string | null;
}

/** What it would take; throws when one of the files cannot be read, written or has no room. */
export function stageSetUp(where: Where, plan: Plan): Staged {
  const old = findRecord(where.paths, where.host, where.folder);
  const own = plan.targets.filter((target) => target.format === 'own');
  const merged = plan.targets.filter((target) => target.format !== 'own');
  const drafts = merged.map((target) => draftOf(where.paths, target, old));
  const left = (old?.files ?? []).filter(({ file }) => !merged.some((target) => target.file === file));
  const gone = left.map((record) => withoutDraft(where.paths, record));
  const stale = (old?.own ?? []).filter((file) => !own.some((target) => target.file === file));
  const ownChanges = own.map(({ file, text }) => ({ file, before: readConfigFile(file), after: text }));
  const all = [...drafts, ...gone.map(({ draft }) => draft)].filter(isChange);
  for (const { file } of all) checkWritable(file);
  return {
    changes: [...ownChanges.filter(isChange), ...all],
    warnings: merged.flatMap((target) => warningOf(target)),
    changed: [...gone.flatMap(({ changed }) => changed)],
    commit: () => {
      const files = writeOwn(ownChanges.filter(isChange), () => write(where.paths, drafts, all));
      for (const file of stale) removeOwn(file);
      const names = own.map(({ file }) => file);
      keepRecord(where.paths, { host: where.host, folder: where.folder, files, own: names });
      dropTexts(where.paths, old);
    },
  };
}

/** Our own files, then what points to them; when that fails they are as before too. */
function writeOwn<T>(changes: readonly (Change & { readonly after: string })[], then: () => T): T {
  try {
    for (const { file, after } of changes) {
      makeFolder(dirname(file));
      replaceFile(file, after);
    }
    return then();
  } catch (error) {
    for (const { file, before } of changes) {
      if (before === undefined) removeOwn(file);
      else replaceFile(file, before);
    }
    throw error;
  }
}

/** Undefined: nothing was written for this client in this scope. */
export function stageUndo(where: Where): Staged | undefined {
  const old = findRecord(where.paths, where.host, where.folder);
  if (old === undefined) return undefined;
  const parts = old.files.map((record) => withoutDraft(where.paths, record));
  const all = parts.map(({ draft }) => draft).filter(isChange);
  for (const { file } of all) checkWritable(file);
  const ownChanges = old.own.map((file) => ({ file, before: readConfigFile(file), after: undefined }));
  return {
    changes: [...all, ...ownChanges.filter(isChange)],
    warnings: [],
    changed: parts.flatMap(({ changed }) => changed),
    commit: () => {
      write(where.paths, [], all);
      for (const file of old.own) removeOwn(file);
      keepRecord(where.paths, { host: where.host, folder: where.folder, files: [], own: [] });
      dropTexts(where.paths, old);
    },
  };
}

function dropTexts(paths: Paths, old: HostRecord | undefined): void {
  for (const { before } of old?.files ?? []) if (before !== null) dropText(paths, before);
}

function draftOf(
  paths: Paths,
  target: Exclude<Target, { format: 'own' }>,
  old: HostRecord | undefined,
): Draft {
  const { file } = target;
  const before = readConfigFile(file);
  const record = old?.files.find((each) => each.file === file);
  // As it should be already, whatever else was changed around it.
  const folders = record?.folders ?? [];
  if (before !== undefined && holdsAll(before, target))
    return { file, before, after: before, record, base: before, folders };
  const base = record === undefined ? before : baseOf(paths, record, before).text;
  const { text, written } = withOurs(base ?? '', target);
  const fresh = { file, before: null, after: hashOf(text), written, folders };
  return { file, before, after: text, record: fresh, base, folders };
}

function withoutDraft(paths: Paths, record: FileRecord): { draft: Draft; changed: readonly string[] } {
  const before = readConfigFile(record.file);
  const { text, changed } = baseOf(paths, record, before);
  const named = changed.map((name) => `${name} in ${record.file}`);
  const { file, folders } = record;
  return {
    draft: { file, before, after: text, record: undefined, base: undefined, folders },
    changed: named,
  };
}

/** The text without ours: the very bytes from before when nobody touched it since. */
function baseOf(
  paths: Paths,
  record: FileRecord,
  now: string | undefined,
): { text: string | undefined; changed: readonly string[] } {
  if (now === undefined) return { text: undefined, changed: [] };
  if (hashOf(now) === record.after) {
    if (record.before === null) return { text: undefined, changed: [] };
    const kept = keptText(paths, record.before);
    if (kept !== undefined) return { text: kept, changed: [] };
  }
  return withoutOurs(now, record.file, record.written);
}

/** Writes all or none; returns what to remember of those that hold something of ours. */
function write(paths: Paths, drafts: readonly Draft[], changes: readonly Draft[]): FileRecord[] {
  const done: { change: Draft; folders: readonly string[] }[] = [];
  try {
    for (const change of changes) {
      checkUnchanged(change);
      if (change.base !== undefined) keepText(paths, change.base);
      if (change.after === undefined) {
        removeConfigFile(change.file, change.folders);
        done.push({ change, folders: [] });
      } else done.push({ change, folders: writeConfigFile(change.file, change.after) });
    }
  } catch (error) {
    for (const { change, folders } of done.toReversed()) {
      if (change.before === undefined) removeConfigFile(change.file, folders);
      else writeConfigFile(change.file, change.before);
    }
    throw error;
  }
  return drafts.flatMap(({ file, record, base, before, after, folders }) => {
    if (record === undefined || record.written.length === 0) return [];
    if (before === after) return [record];
    const made = done.find(({ change }) => change.file === file)?.folders ?? [];
    const kept = base === undefined ? null : hashOf(base);
    return [{ ...record, before: kept, folders: made.length === 0 ? folders : made }];
  });
}

/** Programs write their settings while they run: what came in since it was read must not be lost. */
function checkUnchanged({ file, before }: Change): void {
  if (readConfigFile(file) === before) return;
  throw new Failure('busy', `${file} was changed by another program this very moment; nothing was written`, {
    hint: 'ipc setup',
  });
}

function removeOwn(file: string): void {
  removeIfThere(file);
  for (let folder = dirname(file), steps = 0; steps < 4; folder = dirname(folder), steps += 1) {
    try {
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}

function warningOf(target: Exclude<Target, { format: 'own' }>): readonly string[] {
  if (!existsSync(target.file)) return [];
  const text = readConfigFile(target.file) ?? '';
  const what = unreadable(text, target);
  if (what === undefined) return [];
  return [`${target.file} has ${what}, and its program ignores the whole file until they are gone`];
}

function isChange<T extends Change>({ before, after }: T): boolean {
  return before !== after;
}
