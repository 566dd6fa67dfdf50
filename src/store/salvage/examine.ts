/** A look at the whole store from outside, while a daemon has it open or none can: changes nothing. */
import { existsSync } from 'node:fs';
import { Failure } from '../../protocol/failures.ts';
import type { StoreFindings } from '../../protocol/repair.ts';
import { readSql, type Sql } from '../engine/connection.ts';
import { storeFault } from '../engine/faults.ts';
import { checkAfter, checkBefore, readMark, type Mark } from '../engine/mark.ts';
import { migrations, schemaVersion } from '../engine/migrate.ts';
import { pageProblems, referredBlobs, ruleProblems } from '../upkeep/verify-backup.ts';
import { lookAtBlobs } from './blob-care.ts';
import { alteredMessages } from './losses.ts';

export interface Examined extends StoreFindings {
  readonly alteredBlobs: readonly string[];
}

export interface Examining {
  readonly database: string;
  readonly blobs: string;
  readonly depth: 'quick' | 'full';
}

/** Throws `store_newer`; everything else is a finding. */
export async function examineStore({ database, blobs, depth }: Examining): Promise<Examined> {
  const problems: string[] = [];
  let referred: readonly string[] = [];
  try {
    const mark = readKept(database);
    if (mark === null && !existsSync(database)) return { problems, missingBlobs: [], alteredBlobs: [] };
    const sql = readSql(database);
    try {
      refuseNewer(sql);
      if (mark !== null) checkAfter(sql, mark);
      problems.push(...pageProblems(sql, depth));
      problems.push(...ruleProblems(sql));
      if (depth === 'full') problems.push(...alteredIn(sql));
      referred = referredBlobs(sql);
    } finally {
      sql.close();
    }
  } catch (error) {
    const fault = storeFault(error);
    if (fault instanceof Failure && fault.code === 'store_newer') throw fault;
    problems.push(fault instanceof Error ? fault.message : String(fault));
  }
  // A quick look is taken while everybody works: no files of many megabytes are read for it.
  const files = depth === 'full' ? await lookAtBlobs(blobs, referred) : { missing: [], altered: [] };
  return {
    problems: [...problems, ...files.altered.map((path) => `not what its name says: ${path}`)],
    missingBlobs: files.missing,
    alteredBlobs: files.altered,
  };
}

const ATTEMPTS = 3;

/** A daemon at work writes mark and log one after the other: what seems wrong is looked at again. */
function readKept(database: string): Mark | null {
  for (let attempt = 1; ; attempt += 1) {
    const mark = readMark(database);
    if (mark === null) return null;
    try {
      checkBefore(database, mark);
      return mark;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

export function refuseNewer(sql: Sql): void {
  const schema = schemaVersion(sql);
  if (schema <= migrations.length) return;
  throw new Failure('store_newer', `wanted a store of schema ${migrations.length} or older, found ${schema}`);
}

const SHOWN = 5;

function alteredIn(sql: Sql): readonly string[] {
  const ids = [...alteredMessages(sql)].map(({ id }) => id);
  if (ids.length === 0) return [];
  const more = ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : '';
  return [`not as they were sent: ${ids.slice(0, SHOWN).join(', ')}${more}`];
}
