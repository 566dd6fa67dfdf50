/**
 * The tree of verbs as citty sees it. citty dispatches; it reads no flags (arguments.ts does), and no
 * parent has a `run`, because citty would run it after its child (seen with citty 0.2.2).
 */
import { defineCommand, runCommand, type CommandDef } from 'citty';
import type { Verb } from './verb.ts';
import { groups, topVerbs, type Load } from './verb-list.ts';

/** Runs the verb that `line` begins with on what follows it. The verb must exist. */
export async function runInTree(
  line: readonly string[],
  run: (verb: Verb, rest: readonly string[]) => Promise<number>,
): Promise<number> {
  let code = 0;
  const leaf = (load: Load) => (): CommandDef =>
    defineCommand({
      // citty passes no results up (trap 9).
      run: async ({ rawArgs }) => {
        code = await run(await load(), rawArgs);
      },
    });
  const branch = (loads: Readonly<Record<string, Load>>): Record<string, () => CommandDef> =>
    Object.fromEntries(Object.entries(loads).map(([name, load]) => [name, leaf(load)]));
  const parents: Record<string, CommandDef> = {};
  for (const [name, loads] of Object.entries(groups))
    parents[name] = defineCommand({ subCommands: branch(loads) });
  const root = defineCommand({ subCommands: { ...branch(topVerbs), ...parents } });
  await runCommand(root, { rawArgs: [...line] });
  return code;
}
