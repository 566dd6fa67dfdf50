/** Run by Bun: holds a name as an MCP server does, says so in a line, and follows at SIGUSR1. */
import { systemWorld } from '../../src/cli/call.ts';
import { holdName } from '../../src/cli/naming/hold-name.ts';

const [as] = process.argv.slice(2);
const held = await holdName({ world: systemWorld(), as }, { doors: ['tool'] });
const say = (more: object): void => void process.stdout.write(`${JSON.stringify(more)}\n`);
say({ name: held.name, note: held.note, waiting: held.registered.waiting, pid: process.pid });
process.on('SIGUSR1', () => void held.follow().then((moved) => say({ moved, name: held.name })));
process.on('SIGUSR2', () => void held.rename('renamed').then(({ to }) => say({ name: held.name, to })));
setInterval(() => undefined, 60_000);
