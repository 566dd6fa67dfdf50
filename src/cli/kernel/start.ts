/**
 * Kernel operations that the caller's own process does: finding kernels and kernelspecs, starting one,
 * attaching to one. It writes down what is to be hosted and starts the host, which does the rest.
 */
import { isAbsolute, join } from 'node:path';
import { connectionText, readConnectionFile, writeConnectionFile } from '../../kernel/connection-info.ts';
import { findKernels, isAlive, type FoundKernel, type Origin } from '../../kernel/discover.ts';
import { runtimeFolder } from '../../kernel/folders.ts';
import { kernelFolder, readRecord, writeRecord, type HostRecord } from '../../kernel/host/record.ts';
import { commandOf, findSpecs, specNamed, type KernelSpec } from '../../kernel/kernelspec.ts';
import {
  connectionFileName,
  freeConnection,
  isOurFile,
  privateConnection,
  removeTraces,
} from '../../kernel/launch.ts';
import { Failure } from '../../protocol/failures.ts';
import { nameKey, parseOwnName, type AgentName } from '../../protocol/names.ts';
import type { LocalKernels } from '../../mcp/parts.ts';
import type { Input, Output } from '../../protocol/operations.ts';
import { variable } from '../../system/environment.ts';
import { makeFolder } from '../../system/files.ts';
import { waitForLock } from '../../system/lock.ts';
import { readdirIfThere } from '../../system/keys.ts';
import type { World } from '../call.ts';
import { claimName } from './name.ts';
import { isHosted, spawnHost } from './spawn-host.ts';

const DEFAULT_SPEC = 'python3';
/** One that attaches gives up after as long itself. */
const ATTACH_MS = 15_000;

export function localKernels(world: World): LocalKernels {
  return {
    list: () => listed(world),
    specs: async () => {
      const { specs } = await findSpecs(world.environment);
      return { specs: specs.map(({ resources, ...spec }) => ({ ...facts(spec), folder: resources })) };
    },
    start: (input, owner) => started(world, input, owner),
    connect: (input, owner) => connected(world, input, owner),
  };
}

function facts({ name, displayName, language }: Pick<KernelSpec, 'name' | 'displayName' | 'language'>) {
  return { name, displayName, language };
}

async function listed(world: World): Promise<Output<'kernel.list'>> {
  const found = await findKernels(world.environment, ownFolders(world));
  const records = recordsOf(world);
  const kernels = found.map((kernel) => {
    const record = records.find(({ connectionFile }) => connectionFile === kernel.file);
    const name = record === undefined ? {} : { name: record.name };
    return {
      ...name,
      connectionFile: kernel.file,
      owner: record?.owner ?? ownerWords(kernel.origin),
      live: true,
      language: kernel.kernelName,
      ...(kernel.pid === undefined ? {} : { pid: kernel.pid }),
      hosted: record !== undefined && isHosted(record),
    };
  });
  const files = new Set(found.map(({ file }) => file));
  // A kernel elsewhere (a given connection file), and one that has died under its host.
  const others = records.filter((record) => !files.has(record.connectionFile) && isHosted(record));
  return {
    kernels: [
      ...kernels,
      ...(await Promise.all(
        others.map(async ({ name, connectionFile, owner }) => ({
          name,
          connectionFile,
          owner,
          live: await isAlive(connectionFile),
          hosted: true,
        })),
      )),
    ],
  };
}

function ownerWords(origin: Origin): string {
  switch (origin) {
    case 'spyder spare':
      return "Spyder's hidden spare: not to be used, it becomes the next console";
    case 'spyder console':
      return 'a Spyder console';
    case 'jupyter server':
      return 'a Jupyter server (a notebook)';
    case 'vscode':
      return 'VS Code';
    case 'ours':
      return 'started by ipc, nobody hosts it';
    case 'unknown':
      return 'not known';
  }
}

async function started(
  world: World,
  input: Input<'kernel.start'>,
  owner: string,
): Promise<Output<'kernel.start'>> {
  const { environment, paths } = world;
  const specs = await findSpecs(environment);
  const spec = specNamed(specs, input.spec ?? DEFAULT_SPEC);
  using claim = await claimName(world, { asked: input.name, kernelName: spec.name });
  const { name } = claim;
  const given = input.connectionFile ?? givenFile(world);
  const folder = input.private === true ? kernelFolder(paths, name) : runtimeFolder(environment);
  const file = given === undefined ? join(folder, connectionFileName()) : fileAt(world, given);
  const { argv } = commandOf(spec, file, { pythons: specs.pythons, environment });
  const answer = {
    kernel: name,
    connectionFile: file,
    owner,
    allowed: [...(input.allow ?? [])],
    ours: true,
    language: spec.language,
    command: [...argv],
    notes: [] as string[],
  };
  if (given !== undefined && (await isLive(world, file))) {
    throw new Failure('conflict', `wanted to start a kernel with ${file}; one lives there`, {
      hint: `ipc kernel connect ${file}`,
    });
  }
  if (input.dryRun === true) return { ...answer, notes: ['nothing was started'] };
  const former = readRecord(paths, name);
  // Killed together with its host, it left its file; nobody else knows whose that was.
  if (former?.ours === true && isOurFile(former.connectionFile)) {
    const left = readInfo(former.connectionFile);
    if (left !== undefined) removeTraces(former.connectionFile, left);
  }
  if (given === undefined) {
    makeFolder(folder);
    const fresh = input.private === true ? privateConnection(spec.name, folder) : freeConnection(spec.name);
    writeConnectionFile(file, fresh);
  }
  writeRecord(paths, {
    name,
    owner,
    allowed: answer.allowed,
    connectionFile: file,
    ours: true,
    spec: spec.name,
    directory: environment.directory,
    autoreload: input.autoreload === true,
    launch: true,
  });
  try {
    await spawnHost(world, name);
  } catch (error) {
    if (given === undefined) removeTraces(file, readInfo(file) ?? freeConnection(spec.name));
    throw error;
  }
  const pid = readRecord(paths, name)?.pid;
  return { ...answer, ...(pid === undefined ? {} : { pid }) };
}

async function connected(
  world: World,
  input: Input<'kernel.connect'>,
  owner: string,
): Promise<Output<'kernel.connect'>> {
  const { paths } = world;
  const { file, kernelName } = await kernelAsked(world, input.connectionFile);
  // Two at once must not give one kernel two names.
  using _ = await waitForLock(`${paths.kernels}.lock`, { milliseconds: ATTACH_MS });
  const known = recordsOf(world).find((record) => record.connectionFile === file);
  if (known !== undefined && isHosted(known)) {
    const { allowed, ours, name } = known;
    const notes = [`${known.owner} attached it already; it is used by its name`];
    if (input.allow !== undefined)
      notes.push(`let others in with: ipc kernel allow ${name} ${input.allow.join(' ')}`);
    return { kernel: name, connectionFile: file, owner: known.owner, allowed: [...allowed], ours, notes };
  }
  const wish = { asked: input.name, kernelName };
  using claim = known === undefined ? await claimName(world, wish) : undefined;
  const name = known?.name ?? claim?.name ?? parseOwnName(kernelName);
  const rights = rightsOf(known, owner, input.allow ?? []);
  const record: HostRecord = {
    ...(known ?? {
      spec: kernelName,
      directory: world.environment.directory,
      autoreload: false,
      ours: false,
    }),
    ...rights,
    name,
    connectionFile: file,
    launch: false,
  };
  writeRecord(paths, record);
  const { language } = await spawnHost(world, name);
  const notes = known === undefined ? [] : [sameOrNot(known.pid, readRecord(paths, name)?.pid)];
  if (rights.owner !== owner) notes.push(`${rights.owner} owns it still; only its host was gone`);
  return {
    kernel: name,
    connectionFile: file,
    ...rights,
    allowed: [...rights.allowed],
    ours: record.ours,
    language,
    notes,
  };
}

/** Who disconnects a kernel leaves it to the next; a host that died leaves it to whose it was. */
function rightsOf(
  known: HostRecord | undefined,
  asking: string,
  allow: readonly string[],
): Pick<HostRecord, 'owner' | 'allowed'> {
  if (known === undefined) return { owner: asking, allowed: [...allow] };
  const { owner, allowed, host } = known;
  if (host !== undefined && nameKey(owner) !== nameKey(asking)) return { owner, allowed };
  const all = new Set([...allowed, owner, ...allow]);
  return { owner: asking, allowed: [...all].filter((each) => each !== asking) };
}

function sameOrNot(before: number | undefined, now: number | undefined): string {
  if (before === undefined || now === undefined) return 'it was attached before';
  return before === now
    ? 'it was attached before; its variables are still there'
    : 'another kernel runs there than before: the variables of that one are gone';
}

/** The argument, else the environment's, else the only live one; never a guess among several. */
async function kernelAsked(
  world: World,
  asked: string | undefined,
): Promise<{ readonly file: string; readonly kernelName: string }> {
  const given = asked ?? givenFile(world);
  if (given !== undefined) {
    const record = /[\\/]|\.json$/.test(given) ? undefined : readRecord(world.paths, given);
    const file = record?.connectionFile ?? fileAt(world, given);
    return { file, kernelName: readConnectionFile(file).kernelName };
  }
  const found = await findKernels(world.environment, ownFolders(world));
  const live = found.filter(({ origin }) => origin !== 'spyder spare');
  const [only, ...others] = live;
  if (only !== undefined && others.length === 0) return { file: only.file, kernelName: only.kernelName };
  throw new Failure(
    'no_such_kernel',
    only === undefined
      ? 'wanted a live kernel; none was found'
      : `wanted one of ${live.length} live kernels to be named: ${live.map(choiceOf(recordsOf(world))).join('; ')}`,
    { hint: only === undefined ? 'ipc kernel start' : `ipc kernel connect ${only.file}` },
  );
}

function choiceOf(records: readonly HostRecord[]): (found: FoundKernel) => string {
  return ({ file, origin }) => {
    const record = records.find(({ connectionFile }) => connectionFile === file);
    const whose = record === undefined ? ownerWords(origin) : `${record.name} of ${record.owner}`;
    return `${file} (${whose})`;
  };
}

function givenFile({ environment }: World): string | undefined {
  return variable(environment, 'IPC_KERNEL_CONNECTION') ?? variable(environment, 'IPYTHON_MCP_CONNECTION');
}

/** A path, or a file's name in Jupyter's runtime folder. */
function fileAt({ environment }: World, given: string): string {
  // No shell was there for what a client's settings, or a model, name below the home.
  if (given.startsWith('~/')) return join(environment.userHome, given.slice(2));
  if (isAbsolute(given)) return given;
  if (/[\\/]/.test(given)) return join(environment.directory, given);
  const here = join(environment.directory, given);
  return readInfo(here) === undefined ? join(runtimeFolder(environment), given) : here;
}

function readInfo(file: string) {
  try {
    return readConnectionFile(file);
  } catch {
    return undefined;
  }
}

async function isLive(world: World, file: string): Promise<boolean> {
  const wanted = connectionText(readConnectionFile(file));
  const found = await findKernels(world.environment, [file.slice(0, file.lastIndexOf('/'))]);
  return found.some((kernel) => kernel.file === file || textAt(kernel.file) === wanted);
}

function textAt(file: string): string {
  const info = readInfo(file);
  return info === undefined ? '' : connectionText(info);
}

function recordsOf({ paths }: World): readonly HostRecord[] {
  return readdirIfThere(paths.kernels).flatMap((folder) => readRecord(paths, folder) ?? []);
}

function ownFolders({ paths }: World): readonly string[] {
  return readdirIfThere(paths.kernels).map((folder) => `${paths.kernels}/${nameKey(folder as AgentName)}`);
}
