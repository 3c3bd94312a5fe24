/*
 * A function library for tests, in C: does what its parameters say ({"do": "sleep", "ms": 5}), and aborts the process
 * when the host breaks the interface's contract (a foreign thread, two runs at once, use after tear-down).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "argo_isolate.h"

/* A function in the isolate. Number 0: the one of an isolate that holds no other. */
typedef struct {
  uint64_t number;
  int initialised;
  unsigned uses;
  char *code;
} place;

enum { MOST_PLACES = 64 };

struct argo_isolate {
  argo_host host;
  atomic_int inside;      /* runs and inits in progress: never above 1 */
  atomic_int attachments; /* live argo_threads */
  atomic_uint_fast64_t running;
  atomic_int cancelled;
  atomic_int left_behind; /* threads that a run started */
  atomic_int haunted;     /* they stay until told to go */
  place places[MOST_PLACES];
  place *at;
  unsigned uses;
  unsigned collected;
  uint64_t used;
  char *reply;
};

struct argo_thread {
  argo_isolate *isolate;
  pthread_t owner;
};

static void demand(int holds, const char *what) {
  if (!holds) {
    fprintf(stderr, "fake_function: contract broken: %s\n", what);
    abort();
  }
}

static argo_isolate *enter(argo_thread *thread) {
  demand(thread && thread->isolate, "no thread");
  demand(pthread_equal(thread->owner, pthread_self()), "a thread used on another one");
  return thread->isolate;
}

static void nap(unsigned milliseconds) {
  struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000};
  nanosleep(&time, NULL);
}

static int32_t answer(argo_isolate *isolate, argo_reply *reply, int32_t status, char *text) {
  free(isolate->reply);
  isolate->reply = text;
  reply->data = (const uint8_t *)text;
  reply->length = strlen(text);
  return status;
}

static char *text(const char *format, const char *value) {
  char *out = NULL;
  demand(asprintf(&out, format, value) >= 0, "memory");
  return out;
}

/* ---- The little of JSON that the tests' own parameters need ---- */

static const char *find(const char *json, const char *key) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, "\"%s\":", key);
  const char *at = strstr(json, wanted);
  return at ? at + strlen(wanted) : NULL;
}

static long number(const char *json, const char *key, long otherwise) {
  const char *at = find(json, key);
  return at ? strtol(at, NULL, 10) : otherwise;
}

static char *string(const char *json, const char *key) {
  const char *at = find(json, key);
  if (!at || *at != '"') return strdup("");
  return strndup(at + 1, strcspn(at + 1, "\""));
}

/* ---- Life ---- */

int graal_attach_thread(argo_isolate *isolate, argo_thread **thread) {
  argo_thread *made = calloc(1, sizeof *made);
  made->isolate = isolate;
  made->owner = pthread_self();
  isolate->attachments++;
  *thread = made;
  return 0;
}

int graal_create_isolate(void *parameters, argo_isolate **isolate, argo_thread **thread) {
  demand(parameters == NULL, "parameters");
  *isolate = calloc(1, sizeof **isolate);
  (*isolate)->at = (*isolate)->places;
  return graal_attach_thread(*isolate, thread);
}

int graal_detach_thread(argo_thread *thread) {
  argo_isolate *isolate = enter(thread);
  isolate->attachments--;
  thread->isolate = NULL;
  free(thread);
  return 0;
}

int graal_detach_all_threads_and_tear_down_isolate(argo_thread *thread) {
  argo_isolate *isolate = enter(thread);
  demand(isolate->inside == 0, "tear-down while a run is on");
  for (int round = 0; isolate->left_behind && round < 500; round++) nap(1);
  if (isolate->left_behind) return 1;
  free(isolate->reply);
  for (int each = 0; each < MOST_PLACES; each++) free(isolate->places[each].code);
  memset(isolate, 0x5a, sizeof *isolate);
  free(isolate);
  thread->isolate = NULL;
  free(thread);
  return 0;
}

int graal_tear_down_isolate(argo_thread *thread) { return graal_detach_all_threads_and_tear_down_isolate(thread); }

int32_t argo_v1_version(argo_thread *thread) {
  enter(thread);
  return ARGO_ABI_VERSION;
}

int32_t argo_v1_describe(argo_thread *thread, argo_reply *reply) {
  return answer(enter(thread), reply, ARGO_OK, strdup("{\"kind\":\"java\",\"main\":\"fake\",\"runtime\":\"C\"}"));
}

int32_t argo_v1_memory(argo_thread *thread, argo_memory *memory) {
  argo_isolate *isolate = enter(thread);
  *memory = (argo_memory){.used = isolate->used, .committed = isolate->used + 4096, .limit = 0, .peak = isolate->used + 4096,
                          .collections = isolate->uses + 1000 * isolate->collected, .threads = (uint64_t)isolate->left_behind};
  return 0;
}

int32_t argo_v1_collect(argo_thread *thread) {
  enter(thread)->collected++;
  return 0;
}

int32_t argo_v1_cancel(argo_thread *thread, uint64_t invocation) {
  argo_isolate *isolate = enter(thread);
  if (invocation == 0 && !isolate->inside) isolate->haunted = 0;
  if (!isolate->inside || isolate->running != invocation) return 1;
  isolate->cancelled = 1;
  return 0;
}

/* ---- What a run does ---- */

static int32_t wait_for_cancel(argo_isolate *isolate, argo_reply *reply, long milliseconds, int deaf) {
  for (long passed = 0; milliseconds < 0 || passed < milliseconds; passed++) {
    if (isolate->cancelled && !deaf) return answer(isolate, reply, ARGO_CANCELLED, strdup("{\"error\":\"cancelled\"}"));
    nap(1);
  }
  return answer(isolate, reply, ARGO_OK, strdup("{\"slept\":true}"));
}

static int32_t print(argo_isolate *isolate, uint64_t invocation, const char *params, argo_reply *reply) {
  long lines = number(params, "lines", 1), stream = number(params, "stream", 1);
  char *what = string(params, "text");
  for (long line = 0; line < lines; line++) {
    isolate->host.output(isolate->host.context, invocation, (int32_t)stream, (const uint8_t *)what, strlen(what));
    isolate->host.output(isolate->host.context, invocation, (int32_t)stream, (const uint8_t *)"\n", 1);
  }
  free(what);
  return answer(isolate, reply, ARGO_OK, strdup("{\"printed\":true}"));
}

static int32_t call(argo_isolate *isolate, uint64_t invocation, const char *params, argo_reply *reply) {
  char *name = string(params, "name");
  const char *inner = find(params, "params");
  if (!inner) inner = "{}}";
  size_t length = strlen(inner) - 1; /* "params" comes last: the outer object's bracket is left out */
  argo_reply result = {0};
  for (long before = number(params, "before", 0); before > 0; before--) { /* calls that only the clock sees */
    isolate->host.invoke(isolate->host.context, invocation, (const uint8_t *)name, strlen(name), (const uint8_t *)inner, length,
                         &result);
    isolate->host.release(isolate->host.context, &result);
  }
  int32_t status = isolate->host.invoke(isolate->host.context, invocation, (const uint8_t *)name, strlen(name),
                                        (const uint8_t *)inner, length, &result);
  char *copy = strndup((const char *)result.data, result.length);
  isolate->host.release(isolate->host.context, &result);
  char *out = NULL;
  demand(asprintf(&out, "{\"status\":%d,\"result\":%s}", status, copy) >= 0, "memory");
  free(copy);
  free(name);
  return answer(isolate, reply, ARGO_OK, out);
}

static void *outlive(void *argument) {
  argo_isolate *isolate = argument;
  nap(30);
  while (isolate->haunted) nap(1);
  isolate->host.output(isolate->host.context, 0, 1, (const uint8_t *)"late\n", 5);
  isolate->left_behind--;
  return NULL;
}

static int32_t leave_thread(argo_isolate *isolate, const char *params, argo_reply *reply) {
  pthread_t thread;
  isolate->haunted = (int)number(params, "stay", 0);
  isolate->left_behind++;
  demand(pthread_create(&thread, NULL, outlive, isolate) == 0, "thread");
  pthread_detach(thread);
  return answer(isolate, reply, ARGO_OK, strdup("{\"left\":1}"));
}

static int32_t grow(argo_isolate *isolate, const char *params, argo_reply *reply) {
  isolate->used += (uint64_t)number(params, "bytes", 1 << 20);
  return answer(isolate, reply, ARGO_OK, strdup("{\"grown\":true}"));
}

static int32_t big(argo_isolate *isolate, const char *params, argo_reply *reply) {
  size_t length = (size_t)number(params, "bytes", 1024);
  char *out = malloc(length + 16);
  strcpy(out, "{\"big\":\"");
  memset(out + 8, 'x', length);
  strcpy(out + 8 + length, "\"}");
  return answer(isolate, reply, ARGO_OK, out);
}

/* Starts a program, which the host forbids: says with which error that failed. */
static int32_t execute(argo_isolate *isolate, argo_reply *reply) {
  char *arguments[] = {"/bin/true", NULL};
  pid_t child = vfork();
  if (child == 0) {
    execv(arguments[0], arguments);
    _exit(errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  char number[32];
  snprintf(number, sizeof number, "%d", WEXITSTATUS(status));
  return answer(isolate, reply, ARGO_OK, text("{\"errno\":%s}", number));
}

static int32_t crash(void) {
  volatile int *nowhere = (volatile int *)8;
  return *nowhere;
}

static int32_t perform(argo_isolate *isolate, uint64_t invocation, const char *environment, const char *params, argo_reply *reply) {
  char *what = string(params, "do");
  int32_t status;
  if (!strcmp(what, "sleep")) status = wait_for_cancel(isolate, reply, number(params, "ms", 1), 0);
  else if (!strcmp(what, "loop")) status = wait_for_cancel(isolate, reply, -1, 0);
  else if (!strcmp(what, "stuck")) status = wait_for_cancel(isolate, reply, number(params, "ms", -1), 1);
  else if (!strcmp(what, "print")) status = print(isolate, invocation, params, reply);
  else if (!strcmp(what, "invoke")) status = call(isolate, invocation, params, reply);
  else if (!strcmp(what, "thread")) status = leave_thread(isolate, params, reply);
  else if (!strcmp(what, "grow")) status = grow(isolate, params, reply);
  else if (!strcmp(what, "big")) status = big(isolate, params, reply);
  else if (!strcmp(what, "raw")) status = answer(isolate, reply, ARGO_OK, string(params, "text"));
  else if (!strcmp(what, "execute")) status = execute(isolate, reply);
  else if (!strcmp(what, "crash")) status = crash();
  else if (!strcmp(what, "throw")) status = answer(isolate, reply, ARGO_DEVELOPER_ERROR, strdup("{\"error\":\"thrown\"}"));
  else if (!strcmp(what, "exit")) status = answer(isolate, reply, ARGO_EXITED, strdup("{\"error\":\"exited\",\"exit\":3}"));
  else if (!strcmp(what, "oom")) status = answer(isolate, reply, ARGO_OUT_OF_MEMORY, strdup("{\"error\":\"memory\"}"));
  else if (!strcmp(what, "missing"))
    status = answer(isolate, reply, ARGO_MISSING,
                    strdup("{\"error\":\"no class\",\"missing\":[{\"kind\":\"class\",\"name\":\"a.B\"}]}"));
  else if (!strcmp(what, "env")) status = answer(isolate, reply, ARGO_OK, text("{\"env\":%s}", environment));
  else if (!strcmp(what, "code")) status = answer(isolate, reply, ARGO_OK, text("{\"code\":\"%s\"}", isolate->at->code));
  else if (!strcmp(what, "uses")) {
    char count[32];
    snprintf(count, sizeof count, "%u", isolate->at->uses);
    status = answer(isolate, reply, ARGO_OK, text("{\"uses\":%s}", count));
  } else status = answer(isolate, reply, ARGO_OK, strdup(params));
  free(what);
  return status;
}

static void begin(argo_isolate *isolate, uint64_t invocation) {
  demand(isolate->inside++ == 0, "two calls at once in one isolate");
  isolate->cancelled = 0;
  isolate->running = invocation;
}

static place *find_place(argo_isolate *isolate, uint64_t number) {
  for (int each = 1; each < MOST_PLACES; each++)
    if (isolate->places[each].number == number) return &isolate->places[each];
  return NULL;
}

int32_t argo_v1_place(argo_thread *thread, uint64_t number) {
  argo_isolate *isolate = enter(thread);
  demand(isolate->inside == 0, "a place entered while a run is on");
  place *found = find_place(isolate, number);
  if (!found) found = find_place(isolate, 0);
  if (!found) return 1;
  found->number = number;
  isolate->at = found;
  return 0;
}

int32_t argo_v1_leave(argo_thread *thread, uint64_t number) {
  argo_isolate *isolate = enter(thread);
  demand(isolate->inside == 0, "a place left while a run is on");
  place *found = find_place(isolate, number);
  if (!found) return 1;
  free(found->code);
  memset(found, 0, sizeof *found);
  isolate->at = isolate->places;
  return 0;
}

int32_t argo_v1_init(argo_thread *thread, const argo_host *host, const uint8_t *request, uint64_t request_length,
                     const uint8_t *code, uint64_t code_length, argo_reply *reply) {
  argo_isolate *isolate = enter(thread);
  demand(!isolate->at->initialised, "a second init");
  demand(host->size == sizeof *host, "size of the host table");
  isolate->host = *host;
  begin(isolate, 0);
  free(isolate->at->code);
  isolate->at->code = strndup(code ? (const char *)code : "", code_length);
  char *json = strndup((const char *)request, request_length);
  int32_t status;
  host->output(host->context, 0, 1, (const uint8_t *)"init\n", find(json, "print") ? 5 : 0);
  if (find(json, "fail")) status = answer(isolate, reply, ARGO_DEVELOPER_ERROR, strdup("{\"error\":\"bad init\"}"));
  else if (find(json, "hang")) status = wait_for_cancel(isolate, reply, -1, 0);
  else if (find(json, "deaf")) status = wait_for_cancel(isolate, reply, -1, 1);
  else status = wait_for_cancel(isolate, reply, number(json, "slow", 0), 0);
  isolate->at->initialised = status == ARGO_OK;
  isolate->used = 100000;
  isolate->inside--;
  free(json);
  return status;
}

int32_t argo_v1_run(argo_thread *thread, uint64_t invocation, const uint8_t *environment, uint64_t environment_length,
                    const uint8_t *params, uint64_t params_length, argo_reply *reply) {
  argo_isolate *isolate = enter(thread);
  demand(isolate->at->initialised, "run before init");
  demand(invocation != 0, "invocation 0");
  begin(isolate, invocation);
  isolate->uses++;
  isolate->at->uses++;
  char *env = environment ? strndup((const char *)environment, environment_length) : strdup("{}");
  char *json = strndup((const char *)params, params_length);
  int32_t status = perform(isolate, invocation, env, json, reply);
  free(env);
  free(json);
  isolate->inside--;
  return status;
}
