/** Kernelspecs: which kernels can be started here, and with which words (jupyter-client docs, "Kernel specs"). */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../protocol/failures.ts';
import type { Environment } from '../system/environment.ts';
import { readIfThere } from '../system/files.ts';
import { nearest } from '../system/nearest.ts';
import { specFolders } from './folders.ts';
import { asFacts, factsOf, list, text } from './message.ts';
import { findPythons, type Python, resolvePython } from './pythons.ts';

export interface KernelSpec {
  readonly name: string;
  readonly displayName: string;
  readonly language: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly interruptMode: 'signal' | 'message';
  /** The folder it was found in. */
  readonly resources: string;
}

const MAX_FILE_CHARACTERS = 262_144;

export interface SpecsFound {
  readonly specs: readonly KernelSpec[];
  readonly pythons: readonly Python[];
}

/** Every spec that can be read, the first of a name winning; a broken file hides nothing but itself. */
export async function findSpecs(environment: Environment): Promise<SpecsFound> {
  const pythons = await findPythons(environment);
  const found = new Map<string, KernelSpec>();
  for (const folder of specFolders(environment, pythons)) {
    for (const name of namesIn(folder)) {
      const spec = found.has(name.toLowerCase()) ? undefined : readSpec(join(folder, name), name);
      if (spec !== undefined) found.set(name.toLowerCase(), spec);
    }
  }
  const native = pythons.find(({ ipykernel }) => ipykernel);
  if (native !== undefined && !found.has('python3')) found.set('python3', nativeSpec(native));
  return { specs: [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name)), pythons };
}

export function specNamed({ specs }: SpecsFound, name: string): KernelSpec {
  const found = specs.find((spec) => spec.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const names = specs.map((spec) => spec.name);
  const like = nearest(name, names);
  const known = names.length === 0 ? 'none is installed' : `there are ${names.join(', ')}`;
  throw new Failure('no_such_file', `wanted the kernel ${JSON.stringify(name)}; ${known}`, {
    hint: like === undefined ? 'ipc kernel specs' : `ipc kernel start ${like}`,
  });
}

/** The command with its places filled in, and what it adds to the environment. */
export function commandOf(
  spec: KernelSpec,
  connectionFile: string,
  { pythons, environment }: { readonly pythons: readonly Python[]; readonly environment: Environment },
): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const prefix = pythons.find((python) => spec.resources.startsWith(python.prefix))?.prefix ?? '';
  const values: Readonly<Record<string, string>> = {
    connection_file: connectionFile,
    resource_dir: spec.resources,
    prefix,
  };
  const filled = spec.argv.map((word) =>
    word.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole),
  );
  const [word = '', ...rest] = filled;
  const program = resolvePython(word, spec.resources, pythons);
  if (program === undefined) {
    throw new Failure('no_such_file', `wanted a Python for the kernel ${spec.name}; none was found`, {
      hint: 'ipc kernel specs',
    });
  }
  const env = Object.entries(spec.env).map(([name, value]): [string, string] => [
    name,
    value.replaceAll(/\$\{(\w+)\}/g, (_whole, other: string) => environment.variables[other] ?? ''),
  ]);
  return { argv: [program, ...rest], env: Object.fromEntries(env) };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => /^[\w.-]+$/.test(name));
  } catch {
    return [];
  }
}

function readSpec(folder: string, name: string): KernelSpec | undefined {
  try {
    const written = readIfThere(join(folder, 'kernel.json'));
    if (written === undefined || written.length > MAX_FILE_CHARACTERS) return undefined;
    const json = asFacts(JSON.parse(written));
    const argv = list(json?.['argv']).map(text);
    if (json === undefined || argv.length === 0 || argv.includes('')) return undefined;
    const env = Object.entries(factsOf(json['env'])).map(([key, value]): [string, string] => [
      key,
      text(value),
    ]);
    return {
      name,
      displayName: text(json['display_name']) || name,
      language: text(json['language']),
      argv,
      env: Object.fromEntries(env),
      interruptMode: json['interrupt_mode'] === 'message' ? 'message' : 'signal',
      resources: folder,
    };
  } catch {
    return undefined;
  }
}

/** What Jupyter itself falls back on: a Python that has ipykernel needs no spec. */
function nativeSpec({ program, prefix }: Python): KernelSpec {
  return {
    name: 'python3',
    displayName: 'Python 3 (ipykernel)',
    language: 'python',
    argv: [program, '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
    env: {},
    interruptMode: 'signal',
    resources: prefix,
  };
}
