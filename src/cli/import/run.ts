/** One file from beginning to end. */
import type { Call } from '../call.ts';
import { progressBar } from '../progress.ts';
import type { Session } from '../session.ts';
import { carry } from './carry.ts';
import type { ForeignSystem, Remark } from './foreign.ts';
import { mapNames } from './names.ts';
import { openForeign, understood } from './open-foreign.ts';
import { privateCopy } from './private-copy.ts';

export interface SourceReport {
  readonly file: string;
  readonly system: ForeignSystem['name'];
  readonly messages: number;
  readonly added: number;
  readonly known: number;
  readonly left: number;
  /** Of those added. */
  readonly unread: readonly { readonly name: string; readonly count: number }[];
  readonly names: readonly { readonly from: string; readonly to: string }[];
  readonly remarks: readonly { readonly remark: Remark; readonly count: number }[];
  readonly refused: readonly string[];
}

export interface ImportOptions {
  readonly dryRun: boolean;
  /** What the user calls whom. */
  readonly chosen: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/** Throws what `privateCopy` and `openForeign` do, and what the daemon says. */
export async function importFile(
  call: Call,
  session: Session,
  file: string,
  { dryRun, chosen, signal }: ImportOptions,
): Promise<SourceReport> {
  const { environment, now } = call.world;
  using copy = await privateCopy(file, { staging: session.paths.staging, now });
  using open = openForeign(file, copy, { userHome: environment.userHome, now: now() });
  const names = understood(file, () => mapNames(open.foreign.names(), chosen));
  using bar = progressBar(call.output, file);
  const done = await carry(open, {
    file,
    session,
    names,
    dryRun,
    now: now(),
    step: (bytes) => bar.step(Math.min(bytes, copy.bytes), copy.bytes),
    signal,
  });
  return {
    file,
    system: open.system,
    messages: done.messages,
    added: done.added,
    known: done.known,
    left: done.left,
    unread: [...done.unread].map(([name, count]) => ({ name, count })),
    names: [...names.changed()],
    remarks: [...done.remarks].map(([remark, count]) => ({ remark, count })),
    refused: [...done.refused],
  };
}
