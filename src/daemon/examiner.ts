/** Has the store looked at by a process of its own: 2 s for a million messages in which nobody waits (measured). */
import { asFailure, Failure } from '../protocol/failures.ts';
import type { CareReport, StoreFindings } from '../protocol/repair.ts';
import { daemonVariables, selfCommand, type Environment } from '../system/environment.ts';
import type { Log } from '../system/log.ts';
import type { Paths } from '../system/paths.ts';
import type { Care } from './store-care.ts';

export interface ExaminerParts {
  readonly paths: Paths;
  readonly environment: Environment;
  readonly log: Log;
  /** The pages themselves are wrong: nothing more may be written. */
  readonly damaged: (why: Failure) => void;
}

export interface Examiner extends Disposable {
  /** Everything, as the doctor asks for it. */
  examine(): Promise<StoreFindings>;
  /** The pages and rules alone; one look at a time. */
  look(reason: string): void;
}

export function openExaminer({ paths, environment, log, damaged }: ExaminerParts): Examiner {
  const running = new Set<Bun.Subprocess>();
  let looking = false;

  const run = async (care: Exclude<Care, 'repair'>): Promise<StoreFindings> => {
    const child = Bun.spawn([...selfCommand(), 'daemon', 'run', `--${care}`], {
      cwd: paths.home,
      env: daemonVariables(environment, paths.home),
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
    });
    running.add(child);
    try {
      return findingsIn(await child.stdout.text());
    } finally {
      running.delete(child);
    }
  };

  const look = async (reason: string): Promise<void> => {
    const { problems } = await run('check-pages');
    log('looked at the store', { reason, problems: problems.length });
    const [first] = problems;
    if (first === undefined) return;
    damaged(new Failure('store_damaged', `the store is damaged: ${first}`));
  };

  return {
    examine: () => run('check'),
    look: (reason) => {
      if (looking) return;
      looking = true;
      void look(reason)
        .catch((error: unknown) => log('error', { operation: 'look at the store', error: asFailure(error) }))
        .finally(() => {
          looking = false;
        });
    },
    [Symbol.dispose]: () => {
      for (const child of running) child.kill('SIGKILL');
    },
  };
}

function findingsIn(said: string): StoreFindings {
  const report = parse(said);
  if (report === undefined) throw new Failure('internal', 'the look at the store said nothing');
  if ('findings' in report) return report.findings;
  if ('failure' in report) throw Failure.from(report.failure);
  throw new Failure('internal', 'a look at the store was answered with a repair');
}

function parse(said: string): CareReport | undefined {
  try {
    return JSON.parse(said) as CareReport;
  } catch {
    return undefined;
  }
}
