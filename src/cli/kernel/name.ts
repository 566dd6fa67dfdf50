/**
 * The name a new kernel gets. It is taken under a lock until its host is there: of two that start at once
 * one would write over the other's record. It knows nothing of how a kernel is started.
 */
import { rmSync } from 'node:fs';
import { isAlive } from '../../kernel/discover.ts';
import { kernelFolder, readRecord } from '../../kernel/host/record.ts';
import { Failure } from '../../protocol/failures.ts';
import { numberedName, parseOwnName, type AgentName } from '../../protocol/names.ts';
import { makeFolder } from '../../system/files.ts';
import { tryLock } from '../../system/lock.ts';
import type { World } from '../call.ts';
import { isHosted } from './spawn-host.ts';

export interface NameClaim extends Disposable {
  readonly name: AgentName;
}

export interface NameWish {
  readonly asked: string | undefined;
  /** Of the kernelspec: what it is called when nothing else is asked for. */
  readonly kernelName: string;
}

/** Throws `name_live` for the name of a kernel that lives; without a name the next that is free. */
export async function claimName(world: World, { asked, kernelName }: NameWish): Promise<NameClaim> {
  const { paths } = world;
  const standing = async (name: AgentName): Promise<'free' | 'hosted' | 'left alone'> => {
    const record = readRecord(paths, name);
    if (record === undefined) return 'free';
    if (isHosted(record)) return 'hosted';
    // Its variables are somebody's: no other kernel takes the name.
    return (await isAlive(record.connectionFile)) ? 'left alone' : 'free';
  };
  const take = async (name: AgentName): Promise<NameClaim | undefined> => {
    if ((await standing(name)) !== 'free') return undefined;
    makeFolder(kernelFolder(paths, name));
    const lock = await tryLock(`${kernelFolder(paths, name)}/start.lock`);
    if (lock === undefined) return undefined;
    const claim: NameClaim = {
      name,
      [Symbol.dispose]: () => {
        // Nothing was started after all: no folder of a kernel that never was.
        if (readRecord(paths, name) === undefined)
          rmSync(kernelFolder(paths, name), { recursive: true, force: true });
        lock[Symbol.dispose]();
      },
    };
    // Whoever had the lock may have started one meanwhile.
    if ((await standing(name)) === 'free') return claim;
    claim[Symbol.dispose]();
    return undefined;
  };
  if (asked !== undefined) {
    const name = parseOwnName(asked);
    const claim = await take(name);
    if (claim !== undefined) return claim;
    const left = (await standing(name)) === 'left alone';
    throw new Failure(
      'name_live',
      `wanted a new kernel named ${name}; there is one${left ? ', alive, without a host' : ''}`,
      { hint: left ? `ipc kernel connect ${name}` : `ipc kernel status ${name}` },
    );
  }
  const base = parseOwnName(
    /^python/i.test(kernelName) ? 'py' : kernelName.replaceAll(/[^A-Za-z0-9]/g, '') || 'kernel',
  );
  for (let number = 1; ; number += 1) {
    const claim = await take(number === 1 ? base : numberedName(base, number));
    if (claim !== undefined) return claim;
  }
}
