/**
 * A message is unchanged in transit (design §6), but `JSON.parse` makes every number a double: longer ones
 * lose digits, larger ones become null. Who reads JSON that somebody wrote asks here first.
 */

/** Fifteen digits with a small exponent always come back as they were: most texts need no second look. */
const SUSPECT = /[\d.]{16}|[eE][+-]?\d{3}/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\[^])*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** The first number of a JSON text that a double cannot hold as it is written. */
export function numberThatChanges(text: string): string | undefined {
  if (!SUSPECT.test(text)) return undefined;
  for (const [token] of text.matchAll(STRING_OR_NUMBER)) {
    if (token.startsWith('"')) continue;
    const value = Number(token);
    if (!Number.isFinite(value) || plain(token) !== plain(String(value))) return token;
  }
  return undefined;
}

/** `1200`, `1.2e3` and `12e2` are one number: its digits without zeros around them, and their place. */
function plain(number: string): string {
  const [mantissa = '', exponent = '0'] = number
    .toLowerCase()
    .replace(/^-/, '')
    .split(/e(?=[+\-\d])/);
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  // Not /0+$/: it would begin anew at each of a million zeros that a 1 follows.
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  if (end === 0) return '0';
  return `${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
