/** Programs found on the PATH, as a shell would find them. */
import { accessSync, constants, statSync } from 'node:fs';
import { type Environment, variable } from './environment.ts';

/** Every one of that name, the first to be run first. */
export function programsOnPath(environment: Environment, name: string): readonly string[] {
  const windows = environment.platform === 'win32';
  const path = variable(environment, 'PATH') ?? variable(environment, 'Path') ?? '';
  const folders = path.split(windows ? ';' : ':').filter((folder) => folder !== '');
  const endings = windows ? (variable(environment, 'PATHEXT') ?? '.EXE;.CMD;.BAT;.COM').split(';') : [''];
  const names = endings.map((ending) => `${name}${ending.toLowerCase()}`);
  return folders.flatMap((folder) => names.map((each) => `${folder}/${each}`)).filter(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
