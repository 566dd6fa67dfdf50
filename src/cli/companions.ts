/** What runs beside a session that lasts, as long as it does: notices of the desktop for the person. */
import { platformOf, runNotifier } from '../doors/notice/notifier.ts';
import type { Operations } from '../protocol/operations.ts';
import { readConfig } from '../system/config.ts';
import type { Call } from './call.ts';

export function startCompanions(
  { world, output }: Pick<Call, 'world' | 'output'>,
  { operations, signal }: { operations: Pick<Operations, 'notices' | 'noticed'>; signal: AbortSignal },
): void {
  const { environment, paths } = world;
  const config = readConfig(paths, environment);
  if (config['notify.enabled'] === 'off' || platformOf(environment) === undefined) return;
  const sound = (): string => {
    try {
      return readConfig(paths, environment)['notify.sound'];
    } catch {
      return config['notify.sound'];
    }
  };
  void runNotifier({ operations, environment, sound, say: output.say, signal });
}
