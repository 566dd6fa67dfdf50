/** Completion scripts, generated from the verbs' own specs: citty has none (seen with citty 0.2.2). */
import { globalFlags, type Flag, type Spec } from './verb.ts';
import { aliases, allVerbs, groups } from './verb-list.ts';

export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof shells)[number];

interface Tree {
  /** What may stand first: verbs, groups, old words. */
  readonly first: readonly (readonly [name: string, summary: string])[];
  readonly groups: Readonly<Record<string, readonly Spec[]>>;
  readonly specs: readonly Spec[];
}

export async function completionScript(shell: Shell): Promise<string> {
  const specs = (await allVerbs()).map(({ spec }) => spec);
  const tree = treeOf(specs);
  switch (shell) {
    case 'bash':
      return bash(tree);
    case 'zsh':
      return zsh(tree);
    case 'fish':
      return fish(tree);
    case 'powershell':
      return powershell(tree);
  }
}

function treeOf(specs: readonly Spec[]): Tree {
  const members = (group: string): Spec[] => specs.filter(({ name }) => name.startsWith(`${group} `));
  const groupNames = Object.keys(groups);
  const top = specs.filter(({ name }) => !name.includes(' '));
  return {
    first: [
      ...top.map(({ name, summary }) => [name, summary] as const),
      ...groupNames.map(
        (name) =>
          [
            name,
            members(name)
              .map((spec) => lastWord(spec))
              .join(', '),
          ] as const,
      ),
      ...Object.entries(aliases).map(([name, line]) => [name, line.join(' ')] as const),
    ],
    groups: Object.fromEntries(groupNames.map((name) => [name, members(name)])),
    specs,
  };
}

function lastWord({ name }: Spec): string {
  return name.split(' ').at(-1) ?? name;
}

function flagsOf(spec: Spec): readonly Flag[] {
  return [...spec.flags, ...globalFlags];
}

function flagWords(spec: Spec): string {
  return flagsOf(spec)
    .map(({ name }) => `--${name}`)
    .join(' ');
}

/** Choices are offered after their flag, files after a flag that wants one. */
function choiceCases(specs: readonly Spec[]): (readonly [flag: string, choices: readonly string[]])[] {
  const found = new Map<string, Set<string>>();
  for (const flag of specs.flatMap(flagsOf)) {
    if (flag.choices === undefined) continue;
    const known = found.get(flag.name) ?? new Set();
    for (const choice of flag.choices) known.add(choice);
    found.set(flag.name, known);
  }
  return [...found].map(([name, choices]) => [`--${name}`, [...choices]]);
}

function fileFlags(specs: readonly Spec[]): string[] {
  return [
    ...new Set(
      specs
        .flatMap(flagsOf)
        .filter(({ kind }) => kind === 'file')
        .map(({ name }) => `--${name}`),
    ),
  ];
}

function bash({ first, groups: members, specs }: Tree): string {
  const lines = [
    '# ipc completion for bash: source <(ipc completion bash)',
    '_ipc() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" verb="" index',
    '  for ((index = 1; index < COMP_CWORD; index++)); do',
    '    case "${COMP_WORDS[index]}" in',
    '      --as) ((index++)) ;;',
    '      -*) ;;',
    '      *) verb="${verb:+$verb }${COMP_WORDS[index]}" ;;',
    '    esac',
    '  done',
    '  case "$before" in',
    ...choiceCases(specs).map(
      ([flag, choices]) =>
        `    ${flag}) COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word")); return ;;`,
    ),
    `    ${fileFlags(specs).join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;`,
    '  esac',
    '  case "$verb" in',
    `    "") COMPREPLY=($(compgen -W "${first.map(([name]) => name).join(' ')} ${globalFlags.map(({ name }) => `--${name}`).join(' ')}" -- "$word")) ;;`,
    ...Object.entries(members).map(
      ([name, list]) =>
        `    ${name}) COMPREPLY=($(compgen -W "${list.map(lastWord).join(' ')}" -- "$word")) ;;`,
    ),
    ...specs.map(
      (spec) =>
        `    "${spec.name}"|"${spec.name} "*) COMPREPLY=($(compgen -W "${flagWords(spec)}" -- "$word")) ;;`,
    ),
    '  esac',
    '}',
    'complete -o default -F _ipc ipc',
  ];
  return `${lines.join('\n')}\n`;
}

/** Inside single quotes of a shell, for zsh's `name:description` lists. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function zsh({ first, groups: members, specs }: Tree): string {
  const described = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([name, summary]) => quoted(`${name.replaceAll(':', '\\:')}:${summary}`)).join(' ');
  const lines = [
    '#compdef ipc',
    '_ipc() {',
    '  local -a verbs',
    '  local verb="" index',
    '  for ((index = 2; index < CURRENT; index++)); do',
    '    case "${words[index]}" in',
    '      --as) ((index++)) ;;',
    '      -*) ;;',
    '      *) verb="${verb:+$verb }${words[index]}" ;;',
    '    esac',
    '  done',
    '  case "${words[CURRENT-1]}" in',
    ...choiceCases(specs).map(([flag, choices]) => `    ${flag}) compadd -- ${choices.join(' ')}; return ;;`),
    `    ${fileFlags(specs).join('|')}) _files; return ;;`,
    '  esac',
    '  case "$verb" in',
    `    "") verbs=(${described(first)}); _describe verb verbs ;;`,
    ...Object.entries(members).map(
      ([name, list]) =>
        `    ${name}) verbs=(${described(list.map((spec) => [lastWord(spec), spec.summary]))}); _describe verb verbs ;;`,
    ),
    ...specs.map(
      (spec) =>
        `    ${quoted(spec.name)}|${quoted(`${spec.name} `)}*) verbs=(${described(flagsOf(spec).map((flag) => [`--${flag.name}`, flag.help]))}); _describe flag verbs || _files ;;`,
    ),
    '  esac',
    '}',
    'if [ "$funcstack[1]" = "_ipc" ]; then _ipc "$@"; else compdef _ipc ipc; fi',
  ];
  return `${lines.join('\n')}\n`;
}

function fish({ first, groups: members, specs }: Tree): string {
  const lines = ['# ipc completion for fish', 'complete -c ipc -f'];
  for (const [name, summary] of first)
    lines.push(`complete -c ipc -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`);
  for (const [group, list] of Object.entries(members)) {
    const words = list.map(lastWord).join(' ');
    for (const spec of list)
      lines.push(
        `complete -c ipc -n '__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${words}' -a ${lastWord(spec)} -d ${quoted(spec.summary)}`,
      );
  }
  for (const flag of globalFlags) lines.push(`complete -c ipc ${fishFlag(flag)}`);
  for (const spec of specs) {
    const when = spec.name
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
    for (const flag of spec.flags) lines.push(`complete -c ipc -n '${when}' ${fishFlag(flag)}`);
  }
  return `${lines.join('\n')}\n`;
}

function fishFlag(flag: Flag): string {
  const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
  const value =
    flag.kind === 'switch' || flag.bare !== undefined ? '' : flag.kind === 'file' ? ' -r -F' : ' -x';
  const choices = flag.choices === undefined ? '' : ` -a ${quoted(flag.choices.join(' '))}`;
  return `-l ${flag.name}${short}${value}${choices} -d ${quoted(flag.help)}`;
}

function powershell({ first, groups: members, specs }: Tree): string {
  const list = (words: readonly string[]): string =>
    `@(${words.map((word) => `'${word.replaceAll("'", "''")}'`).join(', ')})`;
  const verbs: (readonly [string, readonly string[]])[] = [
    ['', first.map(([name]) => name)],
    ...Object.entries(members).map(([name, of]) => [name, of.map(lastWord)] as const),
    ...specs.map((spec) => [spec.name, flagsOf(spec).map(({ name }) => `--${name}`)] as const),
  ];
  const lines = [
    '# ipc completion for PowerShell',
    'Register-ArgumentCompleter -Native -CommandName ipc -ScriptBlock {',
    '  param($wordToComplete, $commandAst, $cursorPosition)',
    '  $known = @{',
    ...verbs.map(([name, words]) => `    '${name}' = ${list(words)}`),
    '  }',
    '  $choices = @{',
    ...choiceCases(specs).map(([flag, words]) => `    '${flag}' = ${list(words)}`),
    '  }',
    '  $typed = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })',
    "  if ($wordToComplete -ne '' -and $typed.Count -gt 0) { $typed = @($typed | Select-Object -SkipLast 1) }",
    "  $before = if ($typed.Count -gt 0) { $typed[-1] } else { '' }",
    "  $verb = (@($typed | Where-Object { $_ -notlike '-*' }) | Select-Object -First 2) -join ' '",
    "  while ($verb -ne '' -and -not $known.ContainsKey($verb)) {",
    "    $verb = if ($verb.Contains(' ')) { $verb.Substring(0, $verb.LastIndexOf(' ')) } else { '' }",
    '  }',
    '  $words = if ($choices.ContainsKey($before)) { $choices[$before] } else { $known[$verb] }',
    '  $words | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {',
    "    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)",
    '  }',
    '}',
  ];
  return `${lines.join('\n')}\n`;
}
