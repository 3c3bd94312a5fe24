package argo.javascript;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.proxy.ProxyExecutable;
import org.graalvm.polyglot.proxy.ProxyObject;

import argo.ActionFailed;
import argo.isolate.Calls;
import argo.isolate.Environment;
import argo.isolate.Failure;
import argo.isolate.Json;
import argo.isolate.Output;
import argo.isolate.Status;

/** All that the JavaScript side can ask of the Java side. Bytes cross as strings of code units 0 to 255. */
final class Services {
    private final Context context;
    private final Archive archive;
    private final Output stdout = new Output(Output.STDOUT);
    private final Output stderr = new Output(Output.STDERR);
    private final List<String> unsupported = new ArrayList<>();
    private String result;
    private String error;
    private ProcessExit exit;

    Services(Context context, Archive archive) {
        this.context = context;
        this.archive = archive;
    }

    ProxyObject asObject() {
        Map<String, Object> members = new HashMap<>();
        members.put("print", (ProxyExecutable) this::print);
        members.put("compile", (ProxyExecutable) this::compile);
        members.put("builtIn", (ProxyExecutable) a -> context.eval(BuiltIn.source(a[0].asString())));
        members.put("kind", (ProxyExecutable) a -> archive.kind(a[0].asString()));
        members.put("text", (ProxyExecutable) a -> archive.text(a[0].asString()));
        members.put("settle", (ProxyExecutable) this::settle);
        members.put("fail", (ProxyExecutable) this::fail);
        members.put("unsupported", (ProxyExecutable) this::unsupported);
        members.put("exit", (ProxyExecutable) a -> {
            exit = new ProcessExit(a[0].asInt());
            throw exit;
        });
        members.put("invoke", (ProxyExecutable) this::invoke);
        members.put("environment", (ProxyExecutable) a -> Environment.asJson());
        members.put("nanoseconds", (ProxyExecutable) a -> (double) System.nanoTime());
        members.put("digest", (ProxyExecutable) a -> Digests.digest(a[0].asString(), a[1].asString(), texts(a, 2)));
        members.put("hmac", (ProxyExecutable) a -> Digests.hmac(a[0].asString(), a[1].asString(), a[2].asString(), texts(a, 3)));
        members.put("random", (ProxyExecutable) a -> Digests.random(a[0].asInt()));
        return ProxyObject.fromMap(members);
    }

    private static List<String> texts(Value[] arguments, int from) {
        List<String> texts = new ArrayList<>(arguments.length - from);
        for (int at = from; at < arguments.length; at++) {
            texts.add(arguments[at].asString());
        }
        return texts;
    }

    void expectOutcome() {
        result = null;
        error = null;
    }

    boolean settled() {
        return result != null || error != null;
    }

    String outcome() {
        if (!unsupported.isEmpty()) {
            String words = error == null ? "The action needs what the JavaScript engine lacks." : error;
            Failure failure = new Failure(Status.UNSUPPORTED, words, ",\"unsupported\":[" + String.join(",", unsupported) + "]");
            unsupported.clear();
            throw failure;
        }
        if (error != null) {
            throw Failure.developer(error);
        }
        return result;
    }

    /** Null unless the function ended its process. What was thrown then reaches the Java side as an error of the engine, without its type. */
    ProcessExit exit() {
        return exit;
    }

    void printError(String text) {
        write(stderr, text);
    }

    private Object print(Value... arguments) {
        write(arguments[0].asInt() == Output.STDOUT ? stdout : stderr, arguments[1].asString());
        return null;
    }

    private static void write(Output stream, String text) {
        try {
            stream.write(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private Object compile(Value... arguments) {
        return context.eval(Source.newBuilder("js", arguments[1].asString(), arguments[0].asString()).buildLiteral());
    }

    private Object settle(Value... arguments) {
        result = arguments[0].asString();
        return null;
    }

    private Object fail(Value... arguments) {
        error = arguments[0].asString();
        return null;
    }

    private Object unsupported(Value... arguments) {
        unsupported.add("{\"module\":" + Json.quote(arguments[0].asString()) + ",\"file\":" + Json.quote(arguments[1].asString()) + ",\"line\":0}");
        return null;
    }

    private Object invoke(Value... arguments) {
        try {
            byte[] reply = Calls.invoke(arguments[0].asString(), arguments[1].asString().getBytes(StandardCharsets.UTF_8));
            return "+" + new String(reply, StandardCharsets.UTF_8);
        } catch (ActionFailed failed) {
            return "-" + new String(failed.reply(), StandardCharsets.UTF_8);
        } catch (UnsupportedOperationException refused) {
            return "-{\"error\":" + Json.quote(refused.getMessage()) + "}";
        }
    }
}
