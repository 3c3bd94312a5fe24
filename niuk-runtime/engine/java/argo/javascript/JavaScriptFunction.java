package argo.javascript;

import java.nio.charset.StandardCharsets;
import java.util.Map;

import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Engine;
import org.graalvm.polyglot.HostAccess;
import org.graalvm.polyglot.PolyglotAccess;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.IOAccess;

import argo.isolate.Failure;
import argo.isolate.Function;
import argo.isolate.InitRequest;
import argo.isolate.Json;
import argo.isolate.Status;

/**
 * A JavaScript function in a context of its own. Those that share an isolate share its engine: code and shapes, no values. The JavaScript side is `js/bootstrap.js`; it
 * and this class know each other.
 */
public final class JavaScriptFunction implements Function {
    private static final String UNSETTLED = "";

    /** Of this isolate's functions that are not alone in it. */
    private static Engine sharedEngine;

    private final boolean shares;
    private Context context;
    private Services services;
    private Value run;
    private Value nextDelay;
    private Value fire;

    JavaScriptFunction(boolean shares) {
        this.shares = shares;
    }

    @Override
    public Function another() {
        return new JavaScriptFunction(true);
    }

    @Override
    public void close() {
        if (context != null) {
            context.close(true);
        }
    }

    @Override
    public String describe() {
        return "{\"kind\":\"javascript\",\"runtime\":" + Json.quote("Graal.js on " + System.getProperty("java.vm.version", "GraalVM")) + "}";
    }

    @Override
    public void init(InitRequest request, byte[] code) {
        if (code == null) {
            throw new Failure(Status.BAD_REQUEST, "The JavaScript engine needs code.", "");
        }
        Archive archive = request.binary() ? Archive.read(code) : Archive.EMPTY;
        context = newContext(request.options());
        services = new Services(context, archive);
        Value sides = context.eval(BuiltIn.source("bootstrap")).execute(services.asObject());
        run = sides.getMember("run");
        nextDelay = sides.getMember("nextDelay");
        fire = sides.getMember("fire");
        String source = request.binary() ? "" : new String(code, StandardCharsets.UTF_8);
        services.expectOutcome();
        sides.getMember("load").executeVoid(source, request.main().isEmpty() ? "main" : request.main(), request.binary());
        outcome();
    }

    @Override
    public byte[] run(byte[] params) throws InterruptedException {
        services.expectOutcome();
        run.executeVoid(new String(params, StandardCharsets.UTF_8));
        return outcome().getBytes(StandardCharsets.UTF_8);
    }

    /** Runs timers until the function has settled. A promise that nothing can settle waits for its cancellation, as it does under Node. */
    private String outcome() {
        try {
            while (!services.settled()) {
                long delay = nextDelay.execute().asLong();
                if (delay != 0) {
                    Thread.sleep(delay < 0 ? Long.MAX_VALUE : delay);
                }
                fire.executeVoid();
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new Failure(Status.CANCELLED, "The invocation was cancelled.", "");
        }
        return services.outcome();
    }

    @Override
    public Failure failureOf(Throwable thrown, boolean duringInit) {
        if (thrown instanceof Failure failure) {
            return failure;
        }
        if (thrown instanceof PolyglotException exception) {
            return failureOf(exception, duringInit);
        }
        return new Failure(Status.FATAL, "The JavaScript engine failed: " + thrown, "");
    }

    @Override
    public boolean startsThreads() {
        return false;
    }

    /** What the JavaScript side did not turn into words itself: an exception out of a timer, no memory, a fault of the engine. */
    private Failure failureOf(PolyglotException exception, boolean duringInit) {
        if (services.exit() != null) {
            return Failure.exited(services.exit().code());
        }
        if (exception.isResourceExhausted()) {
            return new Failure(Status.OUT_OF_MEMORY, "The action ran out of memory.", "");
        }
        if (exception.isGuestException() && !exception.isInternalError()) {
            services.printError("Uncaught exception: " + exception.getMessage() + "\n");
            String words = duringInit ? "Initialization has failed due to: " : "An error has occurred: ";
            return Failure.developer(words + exception.getMessage());
        }
        return new Failure(Status.FATAL, "The JavaScript engine failed: " + exception.getMessage(), "");
    }

    /** @param options of the engine, from the host: the function has no say in them */
    private Context newContext(Map<String, String> options) {
        Context.Builder builder = Context.newBuilder("js");
        if (shares) {
            builder.engine(sharedEngine(options));
        } else { // code that knows that it will run in one context only is faster
            builder.option("engine.WarnInterpreterOnly", "false").options(options);
        }
        return builder.allowExperimentalOptions(true).allowHostAccess(HostAccess.NONE)
                        .allowPolyglotAccess(PolyglotAccess.NONE).allowIO(IOAccess.NONE).allowCreateThread(false).allowNativeAccess(false)
                        .option("js.ecmascript-version", "staging").option("js.v8-compat", "true").option("js.console", "false").option("js.print", "false")
                        .option("js.load", "false").option("js.graal-builtin", "false").option("js.polyglot-builtin", "false")
                        .option("js.java-package-globals", "false").option("js.scripting", "false").option("js.shared-array-buffer", "true")
                        .option("js.timezone", "UTC").option("js.locale", "en-US").option("js.performance", "false").build();
    }

    private static Engine sharedEngine(Map<String, String> options) {
        if (sharedEngine == null) {
            sharedEngine = Engine.newBuilder("js").allowExperimentalOptions(true).option("engine.WarnInterpreterOnly", "false").options(options).build();
        }
        return sharedEngine;
    }
}
