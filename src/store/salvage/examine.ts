/** A look at the whole store from outside, while a daemon has it open or none can: changes nothing. */
import { existsSync } from 'node:fs';
import { Failure } from '../../protocol/failures.ts';
import type { StoreFindings } from '../../protocol/repair.ts';
import { readSql, type Sql } from '../engine/connection.ts';
import { storeFault } from '../engine/faults.ts';
import { checkAfter, checkBefore, readMark, type Mark } from '../engine/mark.ts';
import { refuseNewer } from '../engine/migrate.ts';
import { pageProblems, referredBlobs, ruleProblems } from '../upkeep/verify-backup.ts';
import { lookAtBlobs } from './blob-care.ts';
import { alteredMessages } from './losses.ts';
import { unreadableIn } from './mend-messages.ts';

export interface Examined extends StoreFindings {
  /** Those of the problems that are the store's own, not of the files beside it. */
  readonly ofStore: readonly string[];
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
  let referrers: readonly Referrer[] = [];
  try {
    const mark = readKept(database);
    if (mark === null && !existsSync(database)) {
      return { problems, ofStore: [], missingBlobs: [] };
    }
    const sql = readSql(database);
    try {
      refuseNewer(sql);
      if (mark !== null) checkAfter(sql, mark);
      problems.push(...pageProblems(sql, depth));
      problems.push(...ruleProblems(sql));
      if (depth === 'full') problems.push(...alteredIn(sql));
      referred = referredBlobs(sql);
      referrers = sql.all<Referrer>(REFERRERS);
    } finally {
      sql.close();
    }
  } catch (error) {
    const fault = storeFault(error);
    if (fault instanceof Failure && fault.code === 'store_newer') throw fault;
    problems.push(fault instanceof Error ? fault.message : String(fault));
  }
  const who = senders(referrers);
  // A quick look is taken while everybody works: no files of many megabytes are read for it.
  const files = depth === 'full' ? await lookAtBlobs(blobs, referred) : { missing: [], altered: [] };
  return {
    problems: [
      ...problems,
      ...files.missing.map((path) => `missing, ${who(path)}: ${path}`),
      ...files.altered.map((path) => `not what its name says, ${who(path)}: ${path}`),
    ],
    missingBlobs: files.missing,
    ofStore: problems,
  };
}

interface Referrer {
  readonly sha256: string;
  readonly id: string;
  readonly sender: string;
}

const REFERRERS = `SELECT b.sha256, m.id, m.sender_name AS sender FROM message_blob b JOIN message m ON m.seq = b.message`;

/** The message a file belongs to, for whoever may ask its sender to send it again. */
function senders(referrers: readonly Referrer[]): (path: string) => string {
  const byHash = new Map(referrers.map((referrer) => [referrer.sha256, referrer]));
  return (path) => {
    const found = byHash.get(path.slice(path.lastIndexOf('/') + 1));
    return found === undefined ? 'of no message' : `of message ${found.id} from ${found.sender}`;
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

const SHOWN = 5;

function alteredIn(sql: Sql): readonly string[] {
  const ids = [...new Set([...[...alteredMessages(sql)].map(({ id }) => id), ...unreadableIn(sql)])];
  if (ids.length === 0) return [];
  const more = ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : '';
  return [`not as they were sent: ${ids.slice(0, SHOWN).join(', ')}${more}`];
}
