/**
 * The program that runs on a platform beside the binary for it, and asks of it what must hold there: one
 * line a check. Built for the platform too, so that it talks with the binary as that platform's programs
 * do (a Windows pipe is not what Wine makes of one of Linux).
 *
 *   program IPC [--smoke] [--racers N] [--match WORDS]
 */
import { parseArgs } from 'node:util';
import { everywhere } from './everywhere.ts';
import { openUser } from './user.ts';
import { windows } from './windows.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    racers: { type: 'string', default: '50' },
    match: { type: 'string', default: '' },
  },
});
const [ipc = 'ipc'] = positionals;
const all = process.platform === 'win32' ? [...everywhere, ...windows] : everywhere;
const chosen = all.filter(
  (check) => (!values.smoke || check.smoke === true) && check.name.includes(values.match),
);

for (const check of chosen) {
  const begun = performance.now();
  const took = (): string => `[${((performance.now() - begun) / 1_000).toFixed(1)} s]`;
  try {
    await using user = await openUser(ipc);
    const figure = await check.run(user, { racers: Number(values.racers) });
    process.stdout.write(`(pass) ${check.name}${figure === undefined ? '' : `: ${figure}`} ${took()}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stdout.write(`(fail) ${check.name} ${took()}: ${why.replaceAll('\n', '\n    ')}\n`);
  }
}
process.exit(0);
