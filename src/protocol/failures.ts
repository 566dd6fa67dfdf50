/**
 * Every way an operation can fail, once: what a shell, an HTTP client and a JSON-RPC peer are told,
 * whether trying again can help, and which command to run next (design §7).
 *
 * `protocol/` is what every process stands on: shapes, names, failures. It knows zod and nothing
 * else: no file, no socket, no clock, no process.
 */

interface FailureRow {
  /** sysexits-like status of the CLI. Never 2: client programs read a hook's 2 as "block" (design §7). */
  readonly exit: 1 | 64 | 65 | 66 | 67 | 69 | 73 | 75 | 77 | 124 | 130;
  readonly http: number;
  readonly rpc: number;
  /** Whether the same call may succeed later with nothing changed by the caller. */
  readonly retry: boolean;
  /** A runnable command (or, in angle brackets, what to put into it). */
  readonly hint: string;
}

export const failures = {
  busy: { exit: 75, http: 503, rpc: -32011, retry: true, hint: 'ipc daemon status' },
  cannot_create: { exit: 73, http: 500, rpc: -32012, retry: false, hint: 'ipc doctor' },
  conflict: { exit: 65, http: 409, rpc: -32013, retry: false, hint: 'ipc receipts <id>' },
  credential_refused: { exit: 77, http: 401, rpc: -32014, retry: false, hint: 'ipc who --all' },
  daemon_foreign: { exit: 69, http: 503, rpc: -32015, retry: false, hint: 'ipc doctor' },
  daemon_newer: { exit: 69, http: 503, rpc: -32016, retry: false, hint: 'ipc version' },
  daemon_unavailable: { exit: 69, http: 503, rpc: -32017, retry: true, hint: 'ipc daemon start' },
  disk_full: { exit: 75, http: 507, rpc: -32018, retry: true, hint: 'ipc doctor' },
  fan_out: { exit: 77, http: 403, rpc: -32019, retry: false, hint: 'ipc send @all --go <message>' },
  home_unsafe: { exit: 77, http: 500, rpc: -32020, retry: false, hint: 'ipc doctor' },
  internal: { exit: 1, http: 500, rpc: -32603, retry: false, hint: 'ipc daemon logs' },
  interrupted: { exit: 130, http: 499, rpc: -32021, retry: true, hint: 'ipc check' },
  invalid: { exit: 64, http: 400, rpc: -32602, retry: false, hint: 'ipc help' },
  invalid_data: { exit: 65, http: 422, rpc: -32022, retry: false, hint: 'ipc help send' },
  invalid_name: { exit: 64, http: 400, rpc: -32023, retry: false, hint: 'ipc help register' },
  kernel_unavailable: { exit: 69, http: 503, rpc: -32042, retry: false, hint: 'ipc kernel list' },
  lease_lost: { exit: 75, http: 409, rpc: -32024, retry: true, hint: 'ipc check' },
  mailbox_full: { exit: 75, http: 507, rpc: -32025, retry: true, hint: 'ipc who <name>' },
  malformed: { exit: 65, http: 400, rpc: -32700, retry: false, hint: 'ipc version' },
  name_forwarding: { exit: 77, http: 409, rpc: -32026, retry: false, hint: 'ipc who --all' },
  name_live: { exit: 77, http: 409, rpc: -32027, retry: false, hint: 'ipc who' },
  name_taken: { exit: 77, http: 409, rpc: -32028, retry: false, hint: 'ipc who --all' },
  no_such_agent: { exit: 67, http: 404, rpc: -32029, retry: false, hint: 'ipc who --all' },
  no_such_execution: { exit: 66, http: 404, rpc: -32043, retry: false, hint: 'ipc kernel history <kernel>' },
  no_such_file: { exit: 66, http: 404, rpc: -32030, retry: false, hint: 'ls -l <file>' },
  no_such_kernel: { exit: 67, http: 404, rpc: -32044, retry: false, hint: 'ipc kernel list' },
  no_such_message: { exit: 66, http: 404, rpc: -32031, retry: false, hint: 'ipc history' },
  not_allowed: { exit: 77, http: 403, rpc: -32032, retry: false, hint: 'ipc whoami' },
  not_registered: { exit: 77, http: 401, rpc: -32033, retry: false, hint: 'ipc register <name>' },
  not_understood: { exit: 64, http: 400, rpc: -32034, retry: false, hint: 'ipc help do' },
  rate_limited: { exit: 75, http: 429, rpc: -32035, retry: true, hint: 'ipc who' },
  repeated: { exit: 75, http: 429, rpc: -32036, retry: true, hint: 'ipc history' },
  secret_mismatch: { exit: 77, http: 401, rpc: -32037, retry: false, hint: 'ipc secret show' },
  store_damaged: { exit: 69, http: 503, rpc: -32038, retry: false, hint: 'ipc doctor --repair' },
  store_newer: { exit: 69, http: 503, rpc: -32039, retry: false, hint: 'ipc version' },
  timed_out: { exit: 124, http: 504, rpc: -32040, retry: true, hint: 'ipc check --wait' },
  too_large: { exit: 65, http: 413, rpc: -32041, retry: false, hint: 'ipc send <name> --file <file>' },
  unknown_operation: { exit: 64, http: 404, rpc: -32601, retry: false, hint: 'ipc version' },
} as const satisfies Record<string, FailureRow>;

export type FailureCode = keyof typeof failures;

/** A failure as it crosses the wire, in JSON-RPC's `error.data` and in `--json`. */
export interface FailureBody {
  readonly code: FailureCode;
  readonly message: string;
  readonly hint: string;
  readonly retry: boolean;
  /** Facts a program may branch on, such as `{ suggestion: "bob-2" }`. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailureCode;
  readonly hint: string;
  readonly details: FailureBody['details'];

  constructor(
    code: FailureCode,
    message: string,
    options: { hint?: string; details?: FailureBody['details']; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? failures[code].hint;
    this.details = options.details;
  }

  get exit(): number {
    return failures[this.code].exit;
  }

  body(): FailureBody {
    const base = {
      code: this.code,
      message: this.message,
      hint: this.hint,
      retry: failures[this.code].retry,
    };
    return this.details === undefined ? base : { ...base, details: this.details };
  }

  static from(body: FailureBody): Failure {
    const options =
      body.details === undefined ? { hint: body.hint } : { hint: body.hint, details: body.details };
    return new Failure(isFailureCode(body.code) ? body.code : 'internal', body.message, options);
  }
}

export function isFailureCode(code: string): code is FailureCode {
  return Object.hasOwn(failures, code);
}

/** Any thrown value as a failure; what is not one is `internal`, never the caller's fault. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure('internal', 'an error that was not expected; the log has it', { cause: error });
}
