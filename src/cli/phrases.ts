/**
 * What people say, as other verbs: the phrases of system 000's docs/NATURAL_LANGUAGE.md, which no code
 * ever understood (documented by claude-ipc-mcp), and those of system 002's tools and its `/get`. Case
 * and closing punctuation do not matter. A text goes behind `--`, so that it is never read as a flag.
 */

interface Phrase {
  /** Shown when nothing was understood. */
  readonly says: string;
  readonly pattern: RegExp;
  readonly argv: (groups: Readonly<Record<string, string | undefined>>) => readonly string[];
}

const NAME = '["\'“‘]?@?(?<name>[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?)["\'”’]?';
const ONE = '@?#?[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?';
const MANY = `(?<to>${ONE}(?:(?:\\s*,\\s*(?:and\\s+)?|\\s+and\\s+)${ONE})*)`;
const EVERYONE = '(?:everyone|everybody|all|all agents|all instances|the others)';
const TEXT = '(?<text>[^]*\\S[^]*)';
const END = '[\\s.!?]*$';

const phrase = (says: string, pattern: string, argv: Phrase['argv']): Phrase => ({
  says,
  pattern: new RegExp(`^\\s*(?:please\\s+|hey,?\\s+)?(?:${pattern})`, 'iu'),
  argv,
});

const to = (many = ''): string => many.split(/\s*,\s*(?:and\s+)?|\s+and\s+/i).join(',');
const message = ({ to: many = '', text = '' }: Readonly<Record<string, string | undefined>>): string[] => [
  'send',
  to(many),
  '--',
  text,
];
const broadcast = ({ text = '' }: Readonly<Record<string, string | undefined>>): string[] => [
  'send',
  '@all',
  '--',
  text,
];

export const phrases: readonly Phrase[] = [
  phrase(
    'register this instance as X · my name is X · call me X',
    `(?:register(?:\\s+(?:this\\s+(?:instance|session|agent|shell)|me|myself))?\\s+as|my\\s+name\\s+is|call\\s+me)\\s+${NAME}${END}`,
    ({ name = '' }) => ['register', name],
  ),
  phrase(
    'msgs? · any messages? · check messages · get',
    `get${END}|(?:(?:check|read|show|get)\\s+)?(?:(?:for|me|my|the|any|new|unread)\\s+)*(?:msgs?|messages?|mail|inbox|mailbox|relay)${END}|(?:do\\s+i\\s+have|have\\s+i\\s+got|are\\s+there|got)\\s+(?:any\\s+)?(?:new\\s+)?(?:msgs?|messages?|mail)${END}`,
    () => ['check'],
  ),
  phrase(
    "get X's answer",
    `(?:get|read|check)\\s+${NAME}['’]s\\s+(?:answer|response|reply|messages?|msgs?)${END}`,
    ({ name = '' }) => ['check', '--from', name],
  ),
  phrase(
    'what did X say?',
    `what\\s+(?:did|has)\\s+${NAME}\\s+(?:say|said|send|sent|write|written)${END}`,
    ({ name = '' }) => ['history', '--with', name],
  ),
  phrase(
    'clear my messages',
    `(?:clear|empty)\\s+(?:(?:all|my|the)\\s+)*(?:msgs?|messages?|mail|inbox|mailbox|relay)${END}`,
    () => ['clear'],
  ),
  phrase(
    'broadcast: … · tell everyone …',
    `broadcast(?:\\s+to\\s+${EVERYONE})?\\s*(?::|\\s)\\s*${TEXT}`,
    broadcast,
  ),
  phrase(
    '',
    `(?:tell|msg|message|send\\s+to|send\\s+(?:a\\s+)?(?:msg|message)\\s+to)\\s+${EVERYONE}(?:\\s*:\\s*|\\s*,\\s*|\\s+that\\s+|\\s+)${TEXT}`,
    broadcast,
  ),
  phrase(
    'msg the X team: …',
    `(?:tell|msg|message|send\\s+to)\\s+the\\s+${NAME}\\s+(?:team|group|topic)(?:\\s*:\\s*|\\s*,\\s*|\\s+that\\s+|\\s+)${TEXT}`,
    ({ name = '', text = '' }) => ['send', `#${name}`, '--', text],
  ),
  phrase(
    'msg X: … · tell X … · send to X: …',
    `(?:msg|message|dm|tell|send(?:\\s+(?:a\\s+)?(?:msg|message))?(?:\\s+to)?)\\s+${MANY}\\s*:\\s*${TEXT}`,
    message,
  ),
  // Without a colon only one name: "tell fred and run the tests" must not write to an agent called run.
  phrase(
    '',
    `(?:tell|msg|message|dm)\\s+(?<to>${ONE})(?!\\s+and\\b)(?:\\s+that\\s+|\\s*,\\s*|\\s+)${TEXT}`,
    message,
  ),
  phrase(
    '',
    `send(?:\\s+(?:a\\s+)?(?:msg|message))?\\s+to\\s+(?<to>${ONE})(?!\\s+and\\b)(?:\\s*,\\s*|\\s+)${TEXT}`,
    message,
  ),
  phrase('ask X: …', `ask\\s+${MANY}\\s*:\\s*${TEXT}`, ({ to: many = '', text = '' }) => [
    'ask',
    to(many),
    '--',
    text,
  ]),
  // As above, one name without a colon.
  phrase(
    '',
    `ask\\s+(?<to>${ONE})(?!\\s+and\\b)(?:\\s+to\\s+|\\s*,\\s*|\\s+)${TEXT}`,
    ({ to: one = '', text = '' }) => ['ask', one, '--', text],
  ),
  phrase(
    "who's online? · who is here? · list instances",
    `(?:who(?:['’]s|\\s+is|\\s+else\\s+is)?\\s+(?:online|here|around|there)|(?:list|show)(?:\\s+(?:me|all|the|active))*\\s+(?:instances|agents|sessions)|list)${END}`,
    () => ['who'],
  ),
  phrase(
    'who am I? · status',
    `(?:(?:get\\s+)?status|who\\s+am\\s+i|what(?:['’]s|\\s+is)\\s+my\\s+name)${END}`,
    () => ['whoami'],
  ),
  phrase(
    'rename to X',
    `(?:rename(?:\\s+(?:me|myself|this\\s+(?:instance|session|agent)))?\\s+(?:to|as)|change\\s+my\\s+name\\s+to)\\s+${NAME}${END}`,
    ({ name = '' }) => ['rename', name],
  ),
  phrase(
    'start auto checking 5',
    `(?:start|turn\\s+on|enable|begin)\\s+auto[\\s-]*check(?:ing)?(?:\\s+(?:every\\s+)?(?<minutes>\\d+)(?:\\s*(?:m|min|mins|minutes?))?)?${END}`,
    ({ minutes }) => ['autocheck', 'start', ...(minutes === undefined ? [] : [minutes])],
  ),
  phrase('stop auto checking', `(?:stop|turn\\s+off|disable|end)\\s+auto[\\s-]*check(?:ing)?${END}`, () => [
    'autocheck',
    'stop',
  ]),
  phrase(
    'is auto checking on?',
    `(?:is\\s+auto[\\s-]*check(?:ing)?\\s+(?:on|active|enabled)|auto[\\s-]*check(?:ing)?\\s+status)${END}`,
    () => ['autocheck', 'status'],
  ),
  phrase('reply: …', `(?:reply|answer|respond)(?:\\s*:\\s*|\\s+with:?\\s+|\\s+)${TEXT}`, ({ text = '' }) => [
    'reply',
    '--',
    text,
  ]),
  phrase(
    'forward to X',
    `forward(?:\\s+(?:it|this|that|the\\s+last(?:\\s+(?:one|message|msg))?|this\\s+message|that\\s+message))?\\s+to\\s+${MANY}${END}`,
    ({ to: many = '' }) => ['send', to(many), '--forward', 'last'],
  ),
];

/** The command line a phrase stands for; undefined when it is none of those known. */
export function understand(text: string): readonly string[] | undefined {
  for (const { pattern, argv } of phrases) {
    const found = pattern.exec(text);
    if (found !== null) return argv(found.groups ?? {});
  }
  return undefined;
}

export function understood(): string[] {
  return phrases.map(({ says }) => says).filter((says) => says !== '');
}
