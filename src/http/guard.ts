/**
 * Keeps browsers out (design §5): a page can make its own host name lead to this machine (DNS rebinding),
 * and can send requests here from any site. So the Host must be one of ours, and what says that it comes
 * from another origin is refused before anything is looked at. No CORS header is ever sent.
 */
import { Failure } from '../protocol/failures.ts';
import { HttpFailure } from './problem.ts';

export interface GuardRules {
  /** Host names beside the loopback's by which this door is known, in lower case. */
  readonly names: ReadonlySet<string>;
  /** Any address in digits: rebinding needs a name. */
  readonly anyAddress: 'accepted' | 'refused';
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/;

/** Throws when the request could be a web page's doing. */
export function refuseBrowsers(request: Request, rules: GuardRules): void {
  const host = request.headers.get('host') ?? '';
  if (!isOurs(nameOf(host), rules)) throw refused('a Host of this machine', host);
  const origin = request.headers.get('origin');
  if (origin !== null && !isSameOrigin(origin, host)) throw refused('no Origin, or our own', origin);
  // A form or an image of another site carries no Origin; what browsers add by themselves tells it.
  const site = request.headers.get('sec-fetch-site');
  if (site !== null && site !== 'none' && site !== 'same-origin')
    throw refused('Sec-Fetch-Site none or same-origin', site);
}

/** Loopback addresses and names: nobody else's machine gets there. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host) || host === '::1';
}

function isOurs(name: string, { names, anyAddress }: GuardRules): boolean {
  return LOOPBACK.test(name) || names.has(name) || (anyAddress === 'accepted' && ADDRESS.test(name));
}

function nameOf(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase();
}

function isSameOrigin(origin: string, host: string): boolean {
  return (
    /^https?:\/\//.test(origin) && origin.replace(/^https?:\/\//, '').toLowerCase() === host.toLowerCase()
  );
}

function refused(wanted: string, found: string): HttpFailure {
  return new HttpFailure(
    new Failure('not_allowed', `wanted ${wanted}, found ${JSON.stringify(found.slice(0, 200))}`, {
      hint: 'ipc help serve',
    }),
  );
}
