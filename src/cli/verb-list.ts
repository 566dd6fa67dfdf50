/** Every verb by name, none of them loaded yet. */
import type { Verb } from './verb.ts';

export type Load = () => Promise<Verb>;

export const topVerbs: Readonly<Record<string, Load>> = {
  ack: async () => (await import('./verbs/ack.ts')).verb,
  ask: async () => (await import('./verbs/ask.ts')).verb,
  backup: async () => (await import('./verbs/backup.ts')).verb,
  cancel: async () => (await import('./verbs/cancel.ts')).verb,
  check: async () => (await import('./verbs/check.ts')).verb,
  clear: async () => (await import('./verbs/clear.ts')).verb,
  completion: async () => (await import('./verbs/completion.ts')).verb,
  do: async () => (await import('./verbs/do.ts')).verb,
  doctor: async () => (await import('./verbs/doctor.ts')).verb,
  export: async () => (await import('./verbs/export.ts')).verb,
  help: async () => (await import('./verbs/help.ts')).verb,
  history: async () => (await import('./verbs/history.ts')).verb,
  hook: async () => (await import('./verbs/hook.ts')).verb,
  import: async () => (await import('./verbs/import.ts')).verb,
  mcp: async () => (await import('./verbs/mcp.ts')).verb,
  mute: async () => (await import('./verbs/mute.ts')).verb,
  pause: async () => (await import('./verbs/pause.ts')).verb,
  receipts: async () => (await import('./verbs/receipts.ts')).verb,
  register: async () => (await import('./verbs/register.ts')).verb,
  release: async () => (await import('./verbs/release.ts')).verb,
  rename: async () => (await import('./verbs/rename.ts')).verb,
  reply: async () => (await import('./verbs/reply.ts')).verb,
  search: async () => (await import('./verbs/search.ts')).verb,
  send: async () => (await import('./verbs/send.ts')).verb,
  setup: async () => (await import('./verbs/setup.ts')).verb,
  unsetup: async () => (await import('./verbs/unsetup.ts')).verb,
  serve: async () => (await import('./verbs/serve.ts')).verb,
  version: async () => (await import('./verbs/version.ts')).verb,
  watch: async () => (await import('./verbs/watch.ts')).verb,
  who: async () => (await import('./verbs/who.ts')).verb,
  whoami: async () => (await import('./verbs/whoami.ts')).verb,
};

export const groups: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  agent: {
    list: async () => (await import('./verbs/agent.ts')).list,
    remove: async () => (await import('./verbs/agent.ts')).remove,
    show: async () => (await import('./verbs/agent.ts')).show,
  },
  autocheck: {
    start: async () => (await import('./verbs/autocheck.ts')).start,
    status: async () => (await import('./verbs/autocheck.ts')).status,
    stop: async () => (await import('./verbs/autocheck.ts')).stop,
  },
  config: {
    get: async () => (await import('./verbs/config.ts')).get,
    list: async () => (await import('./verbs/config.ts')).list,
    path: async () => (await import('./verbs/config.ts')).path,
    set: async () => (await import('./verbs/config.ts')).set,
  },
  daemon: {
    logs: async () => (await import('./verbs/daemon-logs.ts')).logs,
    restart: async () => (await import('./verbs/daemon.ts')).restart,
    run: async () => (await import('./verbs/daemon.ts')).runDaemon,
    start: async () => (await import('./verbs/daemon.ts')).start,
    status: async () => (await import('./verbs/daemon.ts')).status,
    stop: async () => (await import('./verbs/daemon.ts')).stop,
  },
  kernel: {
    allow: async () => (await import('./verbs/kernel-care.ts')).allow,
    complete: async () => (await import('./verbs/kernel-look.ts')).complete,
    connect: async () => (await import('./verbs/kernel-care.ts')).connect,
    disconnect: async () => (await import('./verbs/kernel-care.ts')).disconnect,
    execute: async () => (await import('./verbs/kernel-run.ts')).execute,
    history: async () => (await import('./verbs/kernel-look.ts')).history,
    host: async () => (await import('./verbs/kernel-host.ts')).host,
    input: async () => (await import('./verbs/kernel-run.ts')).input,
    inspect: async () => (await import('./verbs/kernel-look.ts')).inspect,
    interrupt: async () => (await import('./verbs/kernel-care.ts')).interrupt,
    list: async () => (await import('./verbs/kernel-care.ts')).list,
    restart: async () => (await import('./verbs/kernel-care.ts')).restart,
    result: async () => (await import('./verbs/kernel-run.ts')).result,
    run: async () => (await import('./verbs/kernel-run.ts')).runCode,
    shutdown: async () => (await import('./verbs/kernel-care.ts')).shutdown,
    specs: async () => (await import('./verbs/kernel-care.ts')).specs,
    start: async () => (await import('./verbs/kernel-care.ts')).start,
    status: async () => (await import('./verbs/kernel-look.ts')).status,
    variables: async () => (await import('./verbs/kernel-look.ts')).variables,
  },
  secret: {
    remove: async () => (await import('./verbs/secret.ts')).remove,
    set: async () => (await import('./verbs/secret.ts')).set,
    show: async () => (await import('./verbs/secret.ts')).show,
  },
  token: {
    create: async () => (await import('./verbs/token.ts')).create,
    list: async () => (await import('./verbs/token.ts')).list,
    revoke: async () => (await import('./verbs/token.ts')).revoke,
    show: async () => (await import('./verbs/token.ts')).show,
  },
  topic: {
    join: async () => (await import('./verbs/topic.ts')).join,
    leave: async () => (await import('./verbs/topic.ts')).leave,
    list: async () => (await import('./verbs/topic.ts')).list,
  },
  webhook: {
    add: async () => (await import('./verbs/webhook-add.ts')).add,
    list: async () => (await import('./verbs/webhook.ts')).list,
    remove: async () => (await import('./verbs/webhook.ts')).remove,
    rotate: async () => (await import('./verbs/webhook.ts')).rotate,
    test: async () => (await import('./verbs/webhook-test.ts')).test,
  },
};

/** Words that people know from the systems this one replaces (design §6). */
export const aliases: Readonly<Record<string, readonly string[]>> = {
  broadcast: ['send', '@all'],
  inbox: ['check'],
  list: ['who'],
  msgs: ['check'],
  peek: ['check', '--peek'],
};

export async function allVerbs(): Promise<Verb[]> {
  const loads = [
    ...Object.values(topVerbs),
    ...Object.values(groups).flatMap((group) => Object.values(group)),
  ];
  return Promise.all(loads.map((load) => load()));
}
