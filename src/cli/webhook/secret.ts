/** The secret of a webhook: made here, or taken from a file or stdin; never from the command line, where others see it. */
import { Failure } from '../../protocol/failures.ts';
import { randomKey, randomSecret } from '../../system/ids.ts';
import type { Scheme } from '../../system/webhooks.ts';
import type { Call } from '../call.ts';
import { secretFromFile, secretFromStdin } from '../secret-source.ts';
import type { Flag } from '../verb.ts';

export const secretFlags: readonly Flag[] = [
  {
    name: 'secret-file',
    field: 'secretFile',
    kind: 'file',
    hint: 'path',
    help: 'the secret the sender has; - is stdin',
  },
  {
    name: 'generate',
    field: 'generate',
    kind: 'switch',
    help: 'a new random secret (so without --secret-file)',
  },
];

export interface Secret {
  readonly secret: string;
  /** Made here, so nobody knows it yet and it must be shown. */
  readonly fresh: boolean;
}

const MIN_LENGTH = 8;
/** Standard Webhooks 1.0.0, "Signature scheme". */
const STANDARD_BYTES = { min: 24, max: 64 } as const;

export async function secretOf({ values, spec }: Call, scheme: Scheme): Promise<Secret> {
  const file = values.text('secretFile');
  if (file === undefined)
    return { secret: scheme === 'standard' ? standardSecret() : randomKey(), fresh: true };
  if (values.on('generate'))
    throw new Failure('invalid', 'wanted --secret-file or --generate, found both', {
      hint: `ipc help ${spec.name}`,
    });
  const secret = (file === '-' ? await secretFromStdin(spec.name) : secretFromFile(file)).replace(
    /\r?\n$/,
    '',
  );
  if (/[\r\n]/.test(secret) || secret.length < MIN_LENGTH)
    throw wrong(spec.name, `one line of at least ${MIN_LENGTH} characters`);
  if (scheme === 'standard') checkStandard(secret, spec.name);
  return { secret, fresh: false };
}

function standardSecret(): string {
  return `whsec_${randomSecret()}`;
}

/** `whsec_` and base64, with or without the prefix; or the public key of a sender that has a key pair. */
function checkStandard(secret: string, verb: string): void {
  const text = secret.replace(/^wh(?:sec|pk)_/, '');
  const bytes = Buffer.from(text, 'base64');
  const isBase64 =
    /^[A-Za-z0-9+/]+={0,2}$/.test(text) &&
    bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '');
  if (secret.startsWith('whpk_')) {
    if (!isBase64 || bytes.length !== 32)
      throw wrong(verb, 'whpk_ and the 32 bytes of an Ed25519 key in base64');
    return;
  }
  const { min, max } = STANDARD_BYTES;
  if (!isBase64 || bytes.length < min || bytes.length > max)
    throw wrong(verb, `whsec_ and ${min} to ${max} bytes in base64`);
}

/** Says what is wanted, and nothing of what was found. */
function wrong(verb: string, wanted: string): Failure {
  return new Failure('invalid_data', `wanted a secret of ${wanted}`, { hint: `ipc help ${verb}` });
}
