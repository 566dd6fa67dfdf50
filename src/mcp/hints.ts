/** What to do next after a failure, in the words of tools: a model here has tools, not a shell. */
import type { FailureCode, Failure } from '../protocol/failures.ts';

/** Where no tool helps, the command of the failure's own hint is named as what a shell would run. */
const hints: Partial<Record<FailureCode, string>> = {
  busy: 'try again in a moment',
  conflict: 'receipts with this id shows what was sent',
  fan_out: 'send again with go: true, if all of them should get it',
  interrupted: 'check what became of it with receipts',
  invalid: 'see the input of this tool',
  invalid_data: 'see the input of this tool',
  invalid_name: 'who with all: true lists names',
  kernel_unavailable: 'kernel_look with what: list shows what is there; kernel_manage connects or starts',
  lease_lost: 'check again',
  mailbox_full: 'who with this name shows how much waits there',
  name_forwarding: 'register another name',
  name_live: 'register another name; who shows who is here',
  name_taken: 'register another name; who with all: true lists them',
  no_such_agent: 'who with all: true lists names; send takes names nobody has yet',
  no_such_execution: 'kernel_look with what: history lists them',
  no_such_file: 'name a file, or a command, that is there',
  no_such_kernel: 'kernel_look with what: list shows what is there; kernel_manage starts one',
  no_such_message: 'history lists messages with their ids',
  not_registered: 'register a name',
  rate_limited: 'wait a little, then send again',
  repeated: 'history shows that it was sent already',
  timed_out: 'try again, or check with wait for what may come',
  too_large: 'attach it with files',
};

/** Hints that a failure made for itself know more than the table, unless they are commands. */
export function hintOf(failure: Failure): string {
  const told = failure.hint;
  if (!/^ipc |^ls |^df |^command /.test(told)) return told;
  return hints[failure.code] ?? `in a shell: ${told}`;
}
