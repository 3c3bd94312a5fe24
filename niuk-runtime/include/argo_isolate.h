/*
 * The C interface between a NIUk's host and a function library.
 *
 * A function library is a native-image shared object: one compiled from a Java function, or the JavaScript engine.
 * Both export exactly these symbols; the host needs to know nothing else about them. The contract in words is ABI.md.
 *
 * Version 1. A library of another version exports other names for argo_v1_*, so dlsym tells before anything is called.
 */
#ifndef ARGO_ISOLATE_H
#define ARGO_ISOLATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARGO_ABI_VERSION 1

/* What a call came to. Everything but ARGO_OK leaves {"error": "...", ...} in the reply. */
enum argo_status {
  ARGO_OK = 0,              /* reply: the function's result. It may hold a key "error": that is an application error */
  ARGO_DEVELOPER_ERROR = 1, /* the function threw, returned what is not an object, has no such main, or does not parse */
  ARGO_MISSING = 2,         /* closed-world miss; reply also holds "missing": [{"kind": "...", "name": "..."}] */
  ARGO_UNSUPPORTED = 3,     /* a module the engine cannot offer; reply also holds "unsupported": [{"module","file","line"}] */
  ARGO_OUT_OF_MEMORY = 4,   /* the isolate's heap limit was met */
  ARGO_CANCELLED = 5,       /* ended by argo_v1_cancel */
  ARGO_EXITED = 6,          /* the function tried to end the process; reply also holds "exit": code */
  ARGO_BAD_REQUEST = 7,     /* the host broke the contract: bad JSON, run before init, a second init */
  ARGO_FATAL = 8            /* an error of the library itself */
};

/* Which isolates must not be used again: true for a status after which the host tears the isolate down. */
#define ARGO_SPENT(status) ((status) >= ARGO_OUT_OF_MEMORY)

enum argo_stream { ARGO_STDOUT = 1, ARGO_STDERR = 2 };

typedef struct argo_isolate argo_isolate; /* an isolate: its own heap, shares nothing with others */
typedef struct argo_thread argo_thread;   /* a host thread attached to one isolate; valid on that thread only */

/* Bytes that the isolate owns: valid until the next argo_v1_init, _run, _describe or tear-down on the same isolate. */
typedef struct {
  const uint8_t *data;
  uint64_t length;
} argo_reply;

/*
 * What the host offers to an isolate. Copied during argo_v1_init; `context` comes back in every call.
 * All three may be called from any thread of the isolate, and must not call into that isolate.
 */
typedef struct {
  uint64_t size; /* sizeof(argo_host): fields beyond it do not exist */
  void *context;
  /* Output of an invocation (0: of init, or of a thread that outlived its invocation). Copy the bytes. No line structure is implied. */
  void (*output)(void *context, uint64_t invocation, int32_t stream, const uint8_t *bytes, uint64_t length);
  /*
   * argo.invoke(name, params): call another action and wait. Returns 0 with the result object in `reply`,
   * else a non-zero number with {"error": ...}. The reply stays valid until `release` is called with it, on the same thread.
   * May be NULL: then argo.invoke throws.
   */
  int32_t (*invoke)(void *context, uint64_t invocation, const uint8_t *name, uint64_t name_length, const uint8_t *params,
                    uint64_t params_length, argo_reply *reply);
  void (*release)(void *context, argo_reply *reply);
} argo_host;

typedef struct {
  uint64_t used;      /* bytes of live and not yet collected objects */
  uint64_t committed; /* bytes of heap taken from the system */
  uint64_t limit;     /* heap limit in force; 0: none */
  uint64_t peak;      /* most ever committed */
  uint64_t collections;
  uint64_t threads;   /* live threads of the function besides attached host threads */
} argo_memory;

/* ---- Life of an isolate (native-image's own names; `parameters` is NULL). 0 is success. ---- */
int graal_create_isolate(void *parameters, argo_isolate **isolate, argo_thread **thread);
int graal_attach_thread(argo_isolate *isolate, argo_thread **thread);
int graal_detach_thread(argo_thread *thread);
/* No other thread of the host may be inside. Non-zero: a thread of the function would not end; replace the process. */
int graal_tear_down_isolate(argo_thread *thread);
int graal_detach_all_threads_and_tear_down_isolate(argo_thread *thread);

/* ---- Function library, version 1 ---- */

/* ARGO_ABI_VERSION of the library. */
int32_t argo_v1_version(argo_thread *thread);

/* {"kind": "java"|"javascript", "main": "...", "runtime": "..."}; main only where it is compiled in. */
int32_t argo_v1_describe(argo_thread *thread, argo_reply *reply);

/*
 * Once in an isolate's life, or in that of a place. `request` is JSON:
 *   {"name": "hello", "main": "main", "binary": false, "env": {"KEY": "value"}, "heap": 134217728,
 *    "young": 4194304, "options": {"engine.Compilation": "true"}}
 * All may be left out; "young" is the most that the young generation may take, "options" are the language engine's. `code` is the function (UTF-8 source, or a zip's bytes where binary is true)
 * and is NULL/0 for a Java function library, which has its function compiled in.
 */
int32_t argo_v1_init(argo_thread *thread, const argo_host *host, const uint8_t *request, uint64_t request_length,
                     const uint8_t *code, uint64_t code_length, argo_reply *reply);

/*
 * An engine may hold several functions in one isolate, each in a place with a number of the host's choice (not 0): a context of its own,
 * with what they have in common kept once. `place` says which of them the next init or run is for, and makes the place where there is
 * none; `leave` forgets the function there. One invocation at a time an isolate, as ever, and a status for which ARGO_SPENT holds spends
 * all of it. 0: done; 1: not so. A library may lack both, as it may answer 1: its isolates hold one function, which no place is named for.
 */
int32_t argo_v1_place(argo_thread *thread, uint64_t place);
int32_t argo_v1_leave(argo_thread *thread, uint64_t place);

/*
 * One invocation; one at a time an isolate. `params` is the JSON object given to the function. `environment` is a JSON object of strings
 * that this invocation sees on top of init's env ({"__OW_ACTIVATION_ID": "..."}), or NULL/0.
 */
int32_t argo_v1_run(argo_thread *thread, uint64_t invocation, const uint8_t *environment, uint64_t environment_length,
                    const uint8_t *params, uint64_t params_length, argo_reply *reply);

/*
 * From another attached thread: asks a running invocation to end. 0: asked; 1: that invocation is not running.
 * Invocation 0, while none runs: asks the threads that outlived their invocation to end; call it before tear-down.
 */
int32_t argo_v1_cancel(argo_thread *thread, uint64_t invocation);

/* From any attached thread. Returns 0. */
int32_t argo_v1_memory(argo_thread *thread, argo_memory *memory);

/* From any attached thread: collects garbage and gives memory back to the system. Returns 0. A library may lack it. */
int32_t argo_v1_collect(argo_thread *thread);

#ifdef __cplusplus
}
#endif
#endif
