/** The Pythons of this machine, as far as a kernel needs one: which, where its files are, what it can run. */
import { join } from 'node:path';
import { type Environment, variable } from '../system/environment.ts';
import { programsOnPath } from '../system/programs.ts';
import { factsOf, text } from './message.ts';
import type { PythonPlaces } from './folders.ts';

export interface Python extends PythonPlaces {
  readonly program: string;
  /** It can run `ipykernel_launcher`. */
  readonly ipykernel: boolean;
}

const ASK =
  'import sys,site,json,importlib.util as u;print(json.dumps({"prefix":sys.prefix,"base":sys.base_prefix,"user":site.getuserbase(),"ipykernel":u.find_spec("ipykernel") is not None}))';
const ASK_MS = 5_000;
const MAX_CANDIDATES = 8;

/** The active environment's first, then the PATH's; each prefix once. Asks every one: ~20 ms together. */
export async function findPythons(environment: Environment): Promise<readonly Python[]> {
  const windows = environment.platform === 'win32';
  const inside = (folder: string) => join(folder, windows ? 'Scripts/python.exe' : 'bin/python');
  const active = ['VIRTUAL_ENV', 'CONDA_PREFIX'].flatMap((name) => variable(environment, name) ?? []);
  const candidates = [
    ...active.map(inside),
    ...programsOnPath(environment, 'python3'),
    ...programsOnPath(environment, 'python'),
    ...(windows ? [] : ['/usr/bin/python3']),
  ];
  const asked = [...new Set(candidates)].slice(0, MAX_CANDIDATES).map((program) => askPython(program));
  const found = (await Promise.all(asked)).filter((python) => python !== undefined);
  return found.filter((python, at) => found.findIndex(({ prefix }) => prefix === python.prefix) === at);
}

async function askPython(program: string): Promise<Python | undefined> {
  try {
    const child = Bun.spawn([program, '-c', ASK], {
      stdin: 'ignore',
      stderr: 'ignore',
      timeout: ASK_MS,
    });
    const said = factsOf(JSON.parse(await child.stdout.text()));
    const prefix = text(said['prefix']);
    if (prefix === '') return undefined;
    const virtual = prefix !== text(said['base']);
    return { program, prefix, userBase: text(said['user']), virtual, ipykernel: said['ipykernel'] === true };
  } catch {
    return undefined;
  }
}

/**
 * `python`, `python3` and `python3.N` mean "the manager's Python" in a kernelspec (octave's does): the
 * one beside the spec, else the first that has what Jupyter kernels need.
 */
export function resolvePython(
  word: string,
  resources: string,
  pythons: readonly Python[],
): string | undefined {
  if (!/^python(?:3(?:\.\d+)?)?$/.test(word)) return word;
  const beside = pythons.find(({ prefix }) => resources.startsWith(join(prefix, 'share', 'jupyter')));
  return (beside ?? pythons.find(({ ipykernel }) => ipykernel) ?? pythons[0])?.program;
}
