package argo.isolate;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

import org.graalvm.nativeimage.RuntimeOptions;
import org.graalvm.word.Pointer;

/** One isolate's state: fresh, then loaded, then any number of invocations, one at a time. */
final class FunctionIsolate {
    private static final byte[] EMPTY_OBJECT = {'{', '}'};

    private static Reply reply;
    private static Host host;
    private static volatile long invocation;

    private FunctionIsolate() {
    }

    /** @return 0, or 1 where this library's isolates hold one function */
    static int place(long number) {
        try {
            return Place.enter(number) ? 0 : 1;
        } catch (Throwable thrown) { // most likely no memory left
            return 1;
        }
    }

    /** @return 0, or 1 where no function is in that place */
    static int leave(long number) {
        try {
            return Place.leave(number) ? 0 : 1;
        } catch (Throwable thrown) { // an engine that cannot close a context; what it holds goes with the isolate
            return 1;
        }
    }

    static Host host() {
        return host;
    }

    /** 0 where no invocation is running: during init, or for a thread that outlived the invocation. */
    static long invocationOfCaller() {
        return invocation;
    }

    static int describe(Pointer out) {
        try {
            return answer(out, Place.functionOfThisImage().describe().getBytes(StandardCharsets.UTF_8));
        } catch (Throwable thrown) { // nothing must pass the C interface
            return answerFailure(out, thrown);
        }
    }

    static int init(Pointer hostStruct, Pointer request, long requestLength, Pointer code, long codeLength, Pointer out) {
        try {
            Place place = Place.entered();
            if (place.begun) {
                throw new Failure(Status.BAD_REQUEST, "This isolate was initialized before.", "");
            }
            InitRequest parsed = parse(input(request, requestLength));
            byte[] source = code.isNull() ? null : input(code, codeLength);
            if (host == null) {
                host = new Host(hostStruct);
                Output.to(host);
            }
            place.begun = true;
            prepare(place, parsed);
            load(place, parsed, source);
            return answer(out, EMPTY_OBJECT);
        } catch (Throwable thrown) { // whatever a function throws must not pass the C interface
            return answerFailure(out, thrown);
        }
    }

    static int run(long handle, Pointer environment, long environmentLength, Pointer params, long paramsLength, Pointer out) {
        try {
            Place place = Place.entered();
            if (!place.loaded) {
                throw new Failure(Status.BAD_REQUEST, "This isolate was not initialized.", "");
            }
            Environment.ofInvocation(input(environment, environmentLength));
            byte[] json = input(params, paramsLength);
            return answer(out, watched(handle, place, () -> place.function.run(json), false));
        } catch (Throwable thrown) { // whatever a function throws must not pass the C interface
            return answerFailure(out, thrown);
        }
    }

    private static void load(Place place, InitRequest request, byte[] source) {
        watched(0, place, () -> {
            place.function.init(request, source);
            return EMPTY_OBJECT;
        }, true);
        place.loaded = true;
    }

    /** @return 0 when asked, 1 when that invocation is not running */
    static int cancel(long handle) {
        if (!Cancellation.isRunning() && handle == 0) {
            Cancellation.requestLeftBehind();
            return 0;
        }
        if (!Cancellation.isRunning() || invocation != handle) {
            return 1;
        }
        Cancellation.request();
        return 0;
    }

    private static byte[] input(Pointer start, long length) {
        try {
            return Host.bytes(start, length);
        } catch (IllegalArgumentException tooLong) {
            throw new Failure(Status.BAD_REQUEST, tooLong.getMessage(), "");
        }
    }

    private static InitRequest parse(byte[] request) {
        try {
            return InitRequest.parse(request);
        } catch (IllegalArgumentException malformed) {
            throw new Failure(Status.BAD_REQUEST, "The init request is malformed: " + malformed.getMessage(), "");
        }
    }

    private static void prepare(Place place, InitRequest request) {
        if (request.heap() > 0) {
            RuntimeOptions.set("MaxHeapSize", request.heap() + place.room);
            HeapLimit.set(request.heap() + place.room);
        }
        if (request.young() > 0) {
            RuntimeOptions.set("MaxNewSize", request.young());
        }
        place.variables = request.env();
        Environment.ofFunction(place.variables);
        System.setIn(InputStream.nullInputStream());
        System.setOut(Output.printer(Output.STDOUT));
        System.setErr(Output.printer(Output.STDERR));
    }

    private interface Step {
        byte[] take() throws Exception;
    }

    /** Runs a step of the function itself, in which it can be cancelled; what it prints, stack traces too, belongs to its invocation. */
    private static byte[] watched(long handle, Place place, Step step, boolean duringInit) {
        byte[] result = null;
        Throwable thrown = null;
        Cancellation.watchCaller();
        invocation = handle;
        try {
            Cancellation.begin();
            result = step.take();
        } catch (Throwable any) { // whatever a function throws has words for its developer
            thrown = any;
        }
        boolean cancelled = Cancellation.end();
        try {
            if (cancelled) {
                throw new Failure(Status.CANCELLED, "The invocation was cancelled.", "");
            }
            if (thrown != null) {
                throw failureOf(place, thrown, duringInit);
            }
            return result;
        } finally {
            System.out.flush();
            System.err.flush();
            invocation = 0;
        }
    }

    private static int answer(Pointer out, byte[] json) {
        List<Misses.Miss> misses = Misses.take();
        if (!misses.isEmpty()) {
            throw Failure.missing("The action met what its native image lacks.", misses);
        }
        reply().set(out, json);
        return Status.OK;
    }

    private static Reply reply() {
        if (reply == null) {
            reply = new Reply();
        }
        return reply;
    }

    private static int answerFailure(Pointer out, Throwable thrown) {
        try {
            Failure failure = thrown instanceof Failure known ? known : new Failure(Status.FATAL, "The function library failed: " + thrown, "");
            reply().set(out, failure.json().getBytes(StandardCharsets.UTF_8));
            return failure.status();
        } catch (Throwable again) { // most likely no memory left for the words
            reply().outOfMemory(out);
            return again instanceof OutOfMemoryError ? Status.OUT_OF_MEMORY : Status.FATAL;
        }
    }

    private static Failure failureOf(Place place, Throwable thrown, boolean duringInit) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof Failure failure) {
                return failure;
            }
            if (cause instanceof OutOfMemoryError) {
                return new Failure(Status.OUT_OF_MEMORY, "The action ran out of memory.", "");
            }
        }
        return place.function.failureOf(thrown, duringInit);
    }
}
