/** Help: examples first, then flags. Made from the same specs that parse the command line. */
import { Failure } from '../protocol/failures.ts';
import type { Style } from '../present/style.ts';
import { table, type Cell } from '../present/table.ts';
import { suggest } from './suggest.ts';
import { globalFlags, type Flag, type Spec } from './verb.ts';
import { aliases, allVerbs } from './verb-list.ts';

const headings: readonly (readonly [Spec['group'], string])[] = [
  ['messages', 'Messages'],
  ['people', 'Who is who'],
  ['kernels', 'Jupyter kernels, shared by agents and people'],
  ['care', 'Care'],
  ['system', 'System'],
];

/** Of everything, of a group (`topic`), or of one verb. Throws `invalid` for a verb that does not exist. */
export async function helpText(names: readonly string[], style: Style): Promise<string> {
  const specs = (await allVerbs()).map(({ spec }) => spec);
  if (names.length === 0) return overview(specs, style);
  const [first = '', ...rest] = names;
  const alias = aliases[first];
  const name = alias === undefined ? [first, ...rest].join(' ') : (alias[0] ?? first);
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec !== undefined) return verbHelp(spec, style);
  const group = specs.filter((candidate) => candidate.name.startsWith(`${name} `));
  if (group.length > 0) return groupHelp(name, group, style);
  const near = suggest(
    name,
    specs.map((candidate) => candidate.name),
  );
  throw new Failure(
    'invalid',
    `no verb ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}`,
    {
      hint: near === undefined ? 'ipc help' : `ipc help ${near}`,
    },
  );
}

function overview(specs: readonly Spec[], style: Style): string {
  const sections = headings.map(([group, title]) => {
    const rows = specs.filter((spec) => spec.group === group).map((spec) => verbRow(spec, style));
    return `${style.strong(title)}\n${table(rows)}`;
  });
  const old = Object.entries(aliases).map(([alias, line]) => `${alias} (${line.join(' ')})`);
  return [
    `${style.strong('ipc')}: messages between the agents, shells and people of this machine\n`,
    `  ipc send bob "tests are green"\n  ipc check\n  ipc ask bob "which port?" --timeout 60\n`,
    ...sections,
    `${style.strong('Everywhere')}\n${flagTable(globalFlags, style)}`,
    `Also: ${old.join(', ')}\nMore of one verb: ipc help <verb>\n`,
  ].join('\n');
}

function groupHelp(name: string, specs: readonly Spec[], style: Style): string {
  return `${style.strong(`ipc ${name}`)}\n\n${table(specs.map((spec) => verbRow(spec, style)))}\nMore of one: ipc help ${name} <verb>\n`;
}

function verbHelp(spec: Spec, style: Style): string {
  const usage = `ipc ${spec.name}${spec.usage === '' ? '' : ` ${spec.usage}`}`;
  const examples = table(
    spec.examples.map(([command, meaning]) => [
      { text: `  ${command}` },
      { text: meaning, paint: style.faint },
    ]),
  );
  const sections = [
    `${spec.summary}\n`,
    `  ${style.strong(usage)}\n`,
    `${style.strong('Examples')}\n${examples}`,
  ];
  if (spec.flags.length > 0) sections.push(`${style.strong('Flags')}\n${flagTable(spec.flags, style)}`);
  sections.push(`${style.strong('Everywhere')}\n${flagTable(globalFlags, style)}`);
  if (spec.notes !== undefined) sections.push(`${spec.notes}\n`);
  return sections.join('\n');
}

function verbRow(spec: Spec, style: Style): Cell[] {
  return [{ text: `  ${spec.name}`, paint: style.name }, { text: spec.summary }];
}

function flagTable(flags: readonly Flag[], style: Style): string {
  return table(
    flags.map((flag) => {
      const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
      const hint =
        flag.hint === undefined ? '' : flag.bare === undefined ? ` <${flag.hint}>` : ` [${flag.hint}]`;
      const initial = flag.initial === undefined ? '' : ` (${flag.initial} when not said)`;
      return [
        { text: `  ${short}--${flag.name}${hint}`, paint: style.name },
        { text: `${flag.help}${initial}` },
      ];
    }),
  );
}
