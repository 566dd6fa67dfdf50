/** `ipc doctor`: what is well and what is not, each with the command that helps. */
import { jsonLine } from '../../present/json.ts';
import { visible } from '../../present/escape.ts';
import type { Call } from '../call.ts';
import { examine, type Finding } from '../examination.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'doctor',
  summary: 'Check home, daemon, configuration, keys and store',
  usage: '',
  group: 'care',
  words: { min: 0, max: 0 },
  flags: [],
  examples: [['ipc doctor', 'exit 1 when something failed']],
  operations: { 'store.verify': {}, 'daemon.status': {} },
};

async function run(call: Call): Promise<number> {
  const findings: Finding[] = [];
  const { style } = call.output;
  const paint = { ok: style.good, warn: style.warn, fail: style.bad };
  for await (const finding of examine(call)) {
    findings.push(finding);
    if (call.json) continue;
    const help = finding.run === undefined ? '' : `\n      try: ${finding.run}`;
    const state = paint[finding.state](finding.state.padEnd(4));
    await call.output.write(`${state}  ${finding.what}: ${visible(finding.found)}${help}\n`);
  }
  const ok = findings.every(({ state }) => state !== 'fail');
  if (call.json) await call.output.write(jsonLine({ ok, findings }));
  return ok ? 0 : 1;
}

export const verb = { spec, run };
