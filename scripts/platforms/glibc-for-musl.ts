/**
 * The few names of glibc that Debian's libstdc++ and libgcc want beside what musl has; built with musl-gcc
 * under the name of glibc's loader, which they ask for. For tests only: on Alpine libstdc++ is musl's own.
 */
export const GLIBC_FOR_MUSL = String.raw`
#define _GNU_SOURCE
#include <link.h>
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
unsigned int __cpu_model[8];
int __cpu_indicator_init(void) { return 0; }

uint32_t arc4random(void) {
  uint32_t number;
  while (getrandom(&number, sizeof number, 0) != sizeof number) continue;
  return number;
}

size_t __strftime_l(char *into, size_t room, const char *how, const struct tm *when, locale_t where) {
  return strftime_l(into, room, how, when, where);
}

struct ending { void (*run)(void *); void *object; struct ending *next; };
static _Thread_local struct ending *endings;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void end_thread(void *unused) {
  (void)unused;
  while (endings) {
    struct ending *first = endings;
    endings = first->next;
    first->run(first->object);
    free(first);
  }
}

static void make_key(void) { pthread_key_create(&key, end_thread); }

int __cxa_thread_atexit_impl(void (*run)(void *), void *object, void *library) {
  (void)library;
  struct ending *ending = malloc(sizeof *ending);
  if (!ending) return -1;
  pthread_once(&once, make_key);
  *ending = (struct ending){run, object, endings};
  endings = ending;
  pthread_setspecific(key, ending);
  return 0;
}

struct dl_find_object {
  unsigned long long flags;
  void *start, *end;
  struct link_map *map;
  void *frame;
  unsigned long long reserved[7];
};
struct search { uintptr_t pc; struct dl_find_object *found; };

static int look(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct search *search = data;
  int inside = 0;
  void *frame = 0;
  uintptr_t low = -1, high = 0;
  for (int at = 0; at < info->dlpi_phnum; at++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[at];
    uintptr_t from = info->dlpi_addr + part->p_vaddr, to = from + part->p_memsz;
    if (part->p_type == PT_GNU_EH_FRAME) frame = (void *)from;
    if (part->p_type != PT_LOAD) continue;
    if (from < low) low = from;
    if (to > high) high = to;
    if (search->pc >= from && search->pc < to) inside = 1;
  }
  if (!inside || !frame) return inside;
  *search->found = (struct dl_find_object){0, (void *)low, (void *)high, 0, frame, {0}};
  return 2;
}

int _dl_find_object(void *pc, struct dl_find_object *found) {
  struct search search = {(uintptr_t)pc, found};
  return dl_iterate_phdr(look, &search) == 2 ? 0 : -1;
}
`;
