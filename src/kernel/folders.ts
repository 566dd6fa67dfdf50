/** Where Jupyter keeps its things on this platform (jupyter_core.paths), told from the environment alone. */
import { join } from 'node:path';
import { type Environment, variable } from '../system/environment.ts';

export function dataFolder(environment: Environment): string {
  const asked = variable(environment, 'JUPYTER_DATA_DIR');
  if (asked !== undefined) return asked;
  const { userHome, platform } = environment;
  const named = truthy(variable(environment, 'JUPYTER_PLATFORM_DIRS'));
  switch (platform) {
    case 'darwin':
      return join(userHome, 'Library', ...(named ? ['Application Support', 'Jupyter'] : ['Jupyter']));
    case 'win32': {
      const roaming = variable(environment, 'APPDATA');
      const local = variable(environment, 'LOCALAPPDATA') ?? join(userHome, 'AppData', 'Local');
      if (named) return join(local, 'Jupyter');
      return roaming === undefined ? join(userHome, '.jupyter', 'data') : join(roaming, 'jupyter');
    }
    default:
      return join(variable(environment, 'XDG_DATA_HOME') ?? join(userHome, '.local', 'share'), 'jupyter');
  }
}

/** Where connection files lie. */
export function runtimeFolder(environment: Environment): string {
  return variable(environment, 'JUPYTER_RUNTIME_DIR') ?? join(dataFolder(environment), 'runtime');
}

export interface PythonPlaces {
  readonly prefix: string;
  readonly userBase: string;
  readonly virtual: boolean;
}

/** Folders that hold kernelspecs, the first hit wins. */
export function specFolders(environment: Environment, pythons: readonly PythonPlaces[]): readonly string[] {
  const separator = environment.platform === 'win32' ? ';' : ':';
  const asked = (variable(environment, 'JUPYTER_PATH') ?? '').split(separator).filter((each) => each !== '');
  const users = [
    dataFolder(environment),
    ...pythons.map(({ userBase }) => join(userBase, 'share', 'jupyter')),
  ];
  const own = (virtual: boolean) =>
    pythons.filter((each) => each.virtual === virtual).map(({ prefix }) => join(prefix, 'share', 'jupyter'));
  const prefer = variable(environment, 'JUPYTER_PREFER_ENV_PATH');
  const envFirst = prefer === undefined ? own(true).length > 0 : truthy(prefer);
  const between = envFirst ? [...own(true), ...users] : [...users, ...own(true)];
  const roots = [...asked, ...between, ...own(false), ...systemFolders(environment)];
  const kernels = roots.map((root) => join(root, 'kernels'));
  return [...new Set([...kernels, join(environment.userHome, '.ipython', 'kernels')])];
}

function systemFolders(environment: Environment): readonly string[] {
  if (environment.platform !== 'win32') return ['/usr/local/share/jupyter', '/usr/share/jupyter'];
  const shared = variable(environment, 'PROGRAMDATA');
  const used = truthy(variable(environment, 'JUPYTER_USE_PROGRAMDATA'));
  return shared === undefined || !used ? [] : [join(shared, 'jupyter')];
}

function truthy(value: string | undefined): boolean {
  return value !== undefined && !/^(no|n|false|off|0|0\.0)$/i.test(value);
}
