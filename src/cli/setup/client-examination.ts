/** What the doctor says of one client program: its files, the server it starts, the doors of its sessions. */
import type { AgentView } from '../../protocol/model.ts';
import { channelSkipped } from '../../hosts/claude-log.ts';
import { ownProgram } from '../../hosts/command.ts';
import type { Host, HostName, Wish } from '../../hosts/host.ts';
import { isInstalled } from '../../hosts/host-list.ts';
import { type FileState, inspect, type ServerCommand } from '../../hosts/inspect.ts';
import { probe } from '../../hosts/probe.ts';
import { variable } from '../../system/environment.ts';
import { shellWord } from '../../system/files.ts';
import { resolvePaths } from '../../system/paths.ts';
import type { Call } from '../call.ts';
import type { Finding } from './examination.ts';
import { isNotRunning } from '../session.ts';

/**
 * How sessions of the program call themselves in `who`. An editor or a desktop is no agent program by its
 * process, so its server holds the name as `mcp`, as that of any other such program does.
 */
const CALLED: Readonly<Record<HostName, RegExp>> = {
  'claude-code': /^claude-code$/,
  'claude-desktop': /^mcp$/,
  codex: /^codex$/,
  cursor: /^(cursor-agent|mcp)$/,
  gemini: /^gemini-cli$/,
  opencode: /^opencode$/,
  vscode: /^(copilot-cli|mcp)$/,
  windsurf: /^mcp$/,
  zed: /^mcp$/,
};

export async function* examineClient(call: Call, host: Host): AsyncGenerator<Finding> {
  const { environment, paths } = call.world;
  const place = { environment, paths };
  const wish: Wish = {
    ...place,
    scope: 'user',
    as: undefined,
    server: [],
    program: ownProgram(environment, 'user'),
  };
  if (!isInstalled(host, place)) {
    yield {
      state: 'warn',
      what: host.title,
      found: 'neither its program is on the PATH nor its folder there',
    };
    return;
  }
  const { files, server } = inspect(host, wish);
  // Nothing of ours anywhere is one finding, not one a file.
  const there = files.filter(
    ({ state }) => server !== undefined || state === 'broken' || state === 'ignored',
  );
  for (const file of there) yield fileFinding(host, file);
  if (server === undefined) {
    yield {
      state: 'fail',
      what: host.title,
      found: 'no entry of ours in its settings',
      run: `ipc setup ${host.name}`,
    };
    return;
  }
  yield homeFinding(call, host, server);
  yield await serverFinding(call, host, server);
  yield await doorsFinding(call, host);
  if (host.name !== 'claude-code') return;
  const skipped = channelSkipped(place);
  if (skipped === undefined) return;
  const found = `channel dropped: ${skipped.why} (${skipped.log}); monitor and hooks bring the messages`;
  yield { state: 'warn', what: host.title, found };
}

function fileFinding(host: Host, { file, state, why }: FileState): Finding {
  const what = host.title;
  const found = state === 'broken' ? why : `${file} ${why}`;
  switch (state) {
    case 'whole':
      return { state: 'ok', what, found };
    case 'ignored':
      return { state: 'fail', what, found, run: `grep -nE '//|/\\*|,[[:space:]]*$' ${shellWord(file)}` };
    case 'broken':
      return { state: 'fail', what, found };
    case 'absent':
    case 'other':
      return { state: 'warn', what, found, run: `ipc setup ${host.name}` };
  }
}

/** A client that was told no home looks in the usual one: mail in another never reaches it. */
function homeFinding({ world }: Call, host: Host, server: ServerCommand): Finding {
  const { environment, paths } = world;
  const told = server.env['IPC_HOME'];
  const variables = { ...environment.variables, IPC_HOME: told };
  const its = resolvePaths({ ...environment, variables }).home;
  if (its === paths.home) return { state: 'ok', what: host.title, found: `uses this home, ${its}` };
  const mine = variable(environment, 'IPC_HOME') === undefined ? '' : ' (IPC_HOME)';
  return {
    state: 'fail',
    what: host.title,
    found: `uses the home ${its}, and this shell ${paths.home}${mine}: they do not see each other`,
    run: `ipc setup ${host.name}`,
  };
}

async function serverFinding({ world }: Call, host: Host, server: ServerCommand): Promise<Finding> {
  const line = server.words.map(shellWord).join(' ');
  const found = await probe(world.environment, server);
  const what = host.title;
  if (found.state === 'silent')
    return { state: 'fail', what, found: `${line}: ${found.why}`, run: `ipc setup ${host.name}` };
  const about = `${line} answers as ${found.server} with ${found.tools} tools`;
  return found.carried
    ? { state: 'ok', what, found: `${about}; a message to itself went and came` }
    : { state: 'fail', what, found: `${about}; a message to itself did not come`, run: 'ipc daemon logs' };
}

async function doorsFinding(call: Call, host: Host): Promise<Finding> {
  const what = host.title;
  await using session = await call.open({ agent: 'none', start: 'existing' });
  try {
    const { agents } = await session.operations.who({});
    const own = agents.filter(({ sessions }) =>
      sessions.some(({ client }) => CALLED[host.name].test(client)),
    );
    if (own.length === 0) return { state: 'warn', what, found: 'no session of it is here now' };
    const alike = own.some(({ sessions }) => sessions.some(({ client }) => client === 'mcp'));
    const note = alike ? ' (client mcp: this program’s, or that of another editor or desktop)' : '';
    return { state: 'ok', what, found: own.map(doorsOf).join('; ') + note };
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    return { state: 'warn', what, found: 'no session of it is here now: the daemon is not running' };
  }
}

function doorsOf({ name, doors, confirmedDoors }: AgentView): string {
  const open = doors.length === 0 ? 'no door open' : `open: ${doors.join(', ')}`;
  const proven =
    confirmedDoors.length === 0 ? 'none confirmed yet' : `confirmed: ${confirmedDoors.join(', ')}`;
  return `${name} has ${open}; ${proven}`;
}
