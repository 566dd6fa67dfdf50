/** Where programs keep their settings on the three systems, from the environment alone. */
import { type Environment, variable } from '../system/environment.ts';

/** `%APPDATA%`, `~/Library/Application Support` or `~/.config`: what desktop programs call their own. */
export function applicationData(environment: Environment): string {
  const { userHome, platform } = environment;
  switch (platform) {
    case 'win32':
      return slashed(variable(environment, 'APPDATA') ?? `${userHome}/AppData/Roaming`);
    case 'darwin':
      return `${userHome}/Library/Application Support`;
    default:
      return configFolder(environment);
  }
}

/** What programs for the terminal call their own: the XDG folder, on macOS too. */
export function configFolder(environment: Environment): string {
  return variable(environment, 'XDG_CONFIG_HOME') ?? `${slashed(environment.userHome)}/.config`;
}

/** A folder of the user's home that one of the program's own variables can move. */
export function ownFolder(environment: Environment, name: string, moved?: string): string {
  const elsewhere = moved === undefined ? undefined : variable(environment, moved);
  return slashed(elsewhere ?? `${environment.userHome}/${name}`);
}

function slashed(path: string): string {
  return path.replaceAll('\\', '/');
}
