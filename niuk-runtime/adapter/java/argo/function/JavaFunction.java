package argo.function;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

import com.google.gson.JsonObject;

import argo.isolate.Exit;
import argo.isolate.Failure;
import argo.isolate.Function;
import argo.isolate.InitRequest;
import argo.isolate.Json;

/** A function compiled into this image: `public static JsonObject main(JsonObject)` of a class in the user's jar. */
final class JavaFunction implements Function {
    private final Method main;
    private final String runtime;
    private final JsonWriter writer = new JsonWriter();

    JavaFunction(Method main, String runtime) {
        this.main = main;
        this.runtime = runtime;
    }

    @Override
    public String describe() {
        String name = main.getDeclaringClass().getName() + "#" + main.getName();
        return "{\"kind\":\"java\",\"main\":" + Json.quote(name) + ",\"runtime\":" + Json.quote(runtime) + "}";
    }

    @Override
    public void init(InitRequest request, byte[] code) {
        String wanted = request.main();
        String compiled = main.getDeclaringClass().getName() + "#" + main.getName();
        if (!wanted.isEmpty() && !wanted.equals(compiled) && !(wanted + "#main").equals(compiled)) {
            throw Failure.developer("An error has occurred (see logs for details): java.lang.ClassNotFoundException: " + wanted);
        }
        Thread.currentThread().setContextClassLoader(main.getDeclaringClass().getClassLoader());
    }

    @Override
    public byte[] run(byte[] params) throws Exception {
        JsonObject input = JsonReader.read(params).getAsJsonObject();
        JsonObject output = (JsonObject) main.invoke(null, input);
        if (output == null) {
            throw Failure.developer("The action returned null");
        }
        return writer.bytes(output);
    }

    @Override
    public Failure failureOf(Throwable thrown, boolean duringInit) {
        if (thrown instanceof InvocationTargetException) {
            return failureOfAction(thrown.getCause());
        }
        thrown.printStackTrace();
        return Failure.developer("An error has occurred (see logs for details): " + thrown);
    }

    @Override
    public boolean startsThreads() {
        return true;
    }

    private static Failure failureOfAction(Throwable thrown) {
        if (thrown instanceof Exit exit) {
            return Failure.exited(exit.code());
        }
        thrown.printStackTrace();
        String words = "An error has occured while invoking the action (see logs for details): " + thrown;
        return ClosedWorld.explains(thrown, words);
    }
}
