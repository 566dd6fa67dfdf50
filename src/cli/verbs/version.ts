/** `ipc version`: what this program is. */
import { PROTOCOL } from '../../protocol/wire.ts';
import { version } from '../../system/version.ts';
import type { Call } from '../call.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'version',
  summary: 'Version, protocol and build target',
  usage: '',
  group: 'system',
  words: { min: 0, max: 0 },
  flags: [],
  examples: [['ipc version --json', 'for a script']],
  operations: {},
};

async function run(call: Call): Promise<void> {
  const facts = {
    version,
    protocol: PROTOCOL.max,
    target: `${process.platform}-${process.arch}`,
    runtime: `bun ${Bun.version}`,
  };
  await call.print(
    facts,
    () => `ipc ${version} (protocol ${facts.protocol}, ${facts.target}, ${facts.runtime})\n`,
  );
}

export const verb = { spec, run };
