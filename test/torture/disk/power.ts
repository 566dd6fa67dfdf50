/** Power failures at random moments of a busy daemon: what was acknowledged is on the disk, and the rest opens. */
import { openMachine } from '../../e2e/machine.ts';
import type { Attack, AttackParts } from '../attack.ts';
import { chance, type Chance } from '../chance.ts';
import { missingForDisk, watchDisk } from './disk.ts';
import { Disk, diskRecords, type DiskRecord } from './power-cut.ts';
import { examineCut } from './power-examine.ts';
import { load } from './power-load.ts';

interface Scale {
  /** Every second one on a disk whose syncs fail now and then. */
  readonly runs: number;
  /** Of each run. */
  readonly cuts: number;
  readonly messages: number;
  readonly files: number;
}

const scales: Readonly<Record<AttackParts['form'], Scale>> = {
  short: { runs: 2, cuts: 5, messages: 80, files: 3 },
  long: { runs: 10, cuts: 20, messages: 600, files: 12 },
};

export const power: Attack = {
  name: 'power',
  promise:
    'when the power fails at any moment, every message acknowledged before is on the disk, with its files',
  missing: missingForDisk,
  shortMs: 120_000,
  run: async ({ form, seed, say }) => {
    const scale = scales[form];
    const total: Counted = {
      cuts: 0,
      acknowledged: 0,
      lost: 0,
      again: 0,
      'disk calls': 0,
      'failed syncs': 0,
    };
    for (let run = 0; run < scale.runs; run += 1) {
      const counted = await oneRun({ ...scale, faulty: run % 2 === 1 }, chance(seed + run));
      for (const [what, count] of Object.entries(counted)) total[what as keyof Counted] += count;
      say(`run ${run + 1} of ${scale.runs}: ${JSON.stringify(counted)}`);
    }
    return { ...total };
  },
};

/** Acknowledged: at each cut, those that had been. */
type Counted = Record<'cuts' | 'acknowledged' | 'lost' | 'again' | 'disk calls' | 'failed syncs', number>;

async function oneRun(scale: Scale & { readonly faulty: boolean }, luck: Chance): Promise<Counted> {
  await using machine = await openMachine();
  using disk = await watchDisk(machine.home);
  const sent = await load({ ...scale, machine, disk, luck });
  const records = diskRecords(await disk.journal());
  const acknowledgements = acknowledgedIn(records);
  const first = acknowledgements[0]?.at ?? 0;
  const moments = Array.from({ length: scale.cuts }, () => first + luck.below(records.length - first + 1));
  moments.sort((left, right) => left - right);
  const model = new Disk(machine.home);
  const counted: Counted = {
    cuts: moments.length,
    acknowledged: 0,
    lost: 0,
    again: 0,
    'disk calls': records.length,
    'failed syncs': records.filter(({ kind }) => kind === 'X').length,
  };
  let at = 0;
  for (const moment of moments) {
    for (const record of records.slice(at, moment)) model.apply(record);
    at = moment;
    const acknowledged = acknowledgements.filter((ack) => ack.at < moment).map(({ id }) => id);
    const notes = records.slice(0, moment).filter(({ kind }) => kind === 'N');
    const cut = { sent, acknowledged, moment, notes: notes.map(({ first: text }) => text.toString()) };
    const { again } = await examineCut(model, luck, cut);
    counted.acknowledged += acknowledged.length;
    counted.again += again;
  }
  return counted;
}

/** Sends whose answer the daemon had written to its socket, and after how many records. */
function acknowledgedIn(records: readonly DiskRecord[]): readonly { at: number; id: string }[] {
  const rests = new Map<number, string>();
  return records.flatMap(({ kind, number, first }, at) => {
    if (kind !== 'S') return [];
    const parts = ((rests.get(number) ?? '') + first.toString('latin1')).split('\n');
    rests.set(number, parts.pop() ?? '');
    return parts.flatMap((line) => {
      const id = /"jsonrpc":"2.0","id":[^,]+,"result":\{"id":"([0-9a-f-]{36})","thread"/.exec(line)?.[1];
      return id === undefined ? [] : [{ at, id }];
    });
  });
}
