/**
 * Linux of another kind in a root of its own: its folder holds the libraries and nothing else, and its mounts,
 * and the rule that qemu runs what is for arm64, are seen by its own namespace alone.
 */
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lacks, type Missing, must, type Place } from './place.ts';
import { GLIBC_FOR_MUSL } from './glibc-for-musl.ts';

const RULE = '/usr/lib/binfmt.d/qemu-aarch64.conf';
const MUSL = '/lib/ld-musl-x86_64.so.1';
const DEBIAN = '/usr/lib/x86_64-linux-gnu';

export async function arm64(folder: string): Promise<Place | Missing> {
  const absent = lacks('qemu-aarch64-static', 'dpkg-deb', 'apt-get', 'unshare');
  if (absent !== undefined) return { missing: `no ${absent} (Debian: qemu-user-static)` };
  if (!existsSync(RULE)) return { missing: `no ${RULE}` };
  try {
    for (const file of await fetched('arm64', ['libc6', 'libgcc-s1', 'libstdc++6'], join(folder, 'packages')))
      await must(['dpkg-deb', '-x', file, folder]);
  } catch (error) {
    return { missing: `Debian's libraries for arm64: ${String(error)}` };
  }
  // With `unshare` what is registered here is seen here only; a kernel before 6.7 has but one list, and says no.
  const register = `mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && grep -v '^#' ${RULE} >/proc/sys/fs/binfmt_misc/register`;
  return rooted(folder, register);
}

/** Under musl's own loader and libc; libstdc++ is Debian's, since nobody packages one for musl there. */
export async function musl(folder: string): Promise<Place | Missing> {
  const absent = lacks('musl-gcc', 'unshare');
  if (absent !== undefined) return { missing: `no ${absent} (Debian: musl-tools)` };
  if (process.arch !== 'x64' || !existsSync(MUSL)) return { missing: `no ${MUSL} (Debian: musl)` };
  const libraries = join(folder, 'lib');
  await mkdir(libraries);
  await copyFile(MUSL, join(libraries, 'ld-musl-x86_64.so.1'));
  for (const [name, at] of [
    ['libstdc++.so.6', DEBIAN],
    ['libgcc_s.so.1', '/lib/x86_64-linux-gnu'],
  ] as const)
    await copyFile(join(at, name), join(libraries, name));
  await Bun.write(join(folder, 'glibc.c'), GLIBC_FOR_MUSL);
  const bridge = join(libraries, 'ld-linux-x86-64.so.2');
  await must(['musl-gcc', '-shared', '-fPIC', '-O2', '-o', bridge, join(folder, 'glibc.c')]);
  return rooted(folder, ':');
}

/** For commands there are; `sh` is for the checks that start a shell. */
async function rooted(folder: string, before: string): Promise<Place | Missing> {
  for (const name of ['proc', 'dev', 'tmp', 'bin', 'root'])
    await mkdir(join(folder, name), { recursive: true });
  await chmod(join(folder, 'tmp'), 0o1777);
  const shell = Bun.which('busybox');
  if (shell === null) return { missing: 'no busybox (Debian: busybox-static)' };
  await copyFile(shell, join(folder, 'bin/sh'));
  const enter = [
    'set -e',
    before,
    'mount --rbind /proc "$0/proc"',
    'mount --rbind /dev "$0/dev"',
    'exec chroot "$0" "$@"',
  ].join('\n');
  const inside = (command: readonly string[]) => [
    'unshare',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    enter,
    folder,
    ...command,
  ];
  try {
    await must(inside(['/bin/sh', '-c', ':']));
  } catch (error) {
    return { missing: `a root of its own: ${String(error)}` };
  }
  return {
    folder,
    variables: { HOME: '/root', TMPDIR: '/tmp' },
    command: (program, args) => inside([program, ...args]),
    inside: (file) => `/${file}`,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Packages of another architecture, with lists of their own: nothing of this machine's is changed. */
async function fetched(
  architecture: string,
  packages: readonly string[],
  into: string,
): Promise<readonly string[]> {
  const lists = join(into, 'lists');
  await mkdir(join(lists, 'partial'), { recursive: true });
  const apt = [
    'apt-get',
    '-qq',
    '-o',
    `APT::Architecture=${architecture}`,
    '-o',
    `APT::Architectures::=${architecture}`,
  ];
  const own = [
    '-o',
    `Dir::State::lists=${lists}`,
    '-o',
    'Dir::Cache::pkgcache=',
    '-o',
    'Dir::Cache::srcpkgcache=',
  ];
  await must([...apt, ...own, 'update']);
  await must([...apt, ...own, 'download', ...packages], { cwd: into });
  return (await readdir(into)).filter((name) => name.endsWith('.deb')).map((name) => join(into, name));
}
