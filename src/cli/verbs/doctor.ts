/** `ipc doctor`: what is well and what is not, each with the command that helps. */
import { jsonLine } from '../../present/json.ts';
import { visible } from '../../present/escape.ts';
import { asFailure } from '../../protocol/failures.ts';
import type { RepairReport } from '../../protocol/repair.ts';
import type { Call } from '../call.ts';
import { examine, type Finding } from '../setup/examination.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'doctor',
  summary: 'Check home, daemon, configuration, keys, store and the client programs',
  usage: '[client…]',
  group: 'care',
  words: { min: 0 },
  flags: [
    {
      name: 'repair',
      field: 'repair',
      kind: 'switch',
      help: 'save all that can be read of a damaged store; its files are kept',
    },
  ],
  examples: [
    ['ipc doctor', 'everything, and each client that was set up; exit 1 when something failed'],
    ['ipc doctor codex', 'one client: its files, its server, its doors'],
    ['ipc doctor --repair', 'changes nothing when the store is sound'],
  ],
  operations: { 'store.verify': {}, 'daemon.status': {}, who: {} },
};

async function run(call: Call): Promise<number> {
  const repair = call.values.on('repair') ? await repairFirst(call) : undefined;
  const findings: Finding[] = [];
  const { style } = call.output;
  const paint = { ok: style.good, warn: style.warn, fail: style.bad };
  for await (const finding of everything(call)) {
    findings.push(finding);
    if (call.json) continue;
    const help = finding.run === undefined ? '' : `\n      try: ${finding.run}`;
    const state = paint[finding.state](finding.state.padEnd(4));
    await call.output.write(`${state}  ${finding.what}: ${visible(finding.found)}${help}\n`);
  }
  const ok = findings.every(({ state }) => state !== 'fail');
  if (call.json) await call.output.write(jsonLine({ ok, ...repair, findings }));
  return ok ? 0 : 1;
}

async function repairFirst(call: Call): Promise<{ repair: RepairReport }> {
  const { repairStore, repairText } = await import('../setup/store-care.ts');
  const repair = await repairStore(call);
  if (!call.json) await call.output.write(repairText(repair));
  return { repair };
}

async function* everything(call: Call): AsyncGenerator<Finding> {
  const { words } = call;
  const { hostNamed, hosts } = await import('../../hosts/host-list.ts');
  const { allRecords } = await import('../../hosts/record.ts');
  const { examineClient } = await import('../setup/client-examination.ts');
  // A mistyped client is said before anything is looked at.
  const asked = words.map(hostNamed);
  if (words.length === 0) yield* examine(call);
  try {
    const records = words.length === 0 ? allRecords(call.world.paths) : [];
    const known = records.filter(({ folder }) => folder === null).map(({ host }) => hosts[host]);
    for (const host of [...asked, ...known]) yield* examineClient(call, host);
  } catch (error) {
    const { message, hint } = asFailure(error);
    yield { state: 'fail', what: 'clients', found: message, run: hint };
  }
}

export const verb = { spec, run };
