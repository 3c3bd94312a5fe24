package argo.launcher;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Locale;
import java.util.Map;

/** Runs one action inside a sandbox: POST /init loads it, every POST /run calls it. */
final class Launcher {
    static final String[] RUN_FIELDS = {
        "namespace", "action_name", "action_version", "activation_id", "transaction_id", "deadline", "api_key",
    };
    private static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    private final LogMarker marker = new LogMarker();
    private final ProcessEnvironment environment = new ProcessEnvironment();
    private String state = "ready"; // → starting → initialised | failed
    private volatile Action action;
    private final HeapGuard guard = HeapGuard.ready();

    Launcher() {
        // The stock's sandboxes, and those that record, are started before anyone waits for them.
        if (System.getenv("ARGO_MEMORY_LATER") != null || System.getenv("ARGO_RECORDED") != null) {
            environment.rehearse();
            System.gc(); // of what the start left; else the third run or so waits for that
        }
    }

    HttpConnection.Answer route(String path, byte[] body) {
        if (path.equals("/recorded")) {
            return recorded();
        }
        if (!path.equals("/init") && !path.equals("/run")) {
            return failure(404, "The requested resource could not be found.");
        }
        try {
            return path.equals("/run") ? run(parse(body)) : init(new InitMessage(body));
        } catch (JsonParseException | IllegalStateException | StackOverflowError error) {
            return failure(400, "The request content was malformed: " + error.getMessage());
        }
    }

    /** What the recorder beside the action has written so far: file name → text. */
    private static HttpConnection.Answer recorded() {
        JsonObject files = new JsonObject();
        String folder = System.getenv("ARGO_RECORDED");
        File[] found = folder == null ? null : new File(folder).listFiles((dir, name) -> name.endsWith(".json"));
        if (found != null) {
            for (File file : found) {
                try {
                    files.addProperty(file.getName(), Files.readString(file.toPath()));
                } catch (IOException gone) {
                    // being replaced: the next question finds it
                }
            }
        }
        return new HttpConnection.Answer(200, GSON.toJson(files).getBytes(StandardCharsets.UTF_8));
    }

    private static JsonObject parse(byte[] body) {
        return JsonParser.parseString(new String(body, StandardCharsets.UTF_8)).getAsJsonObject();
    }

    private synchronized HttpConnection.Answer init(InitMessage message) {
        if (!state.equals("ready")) {
            return failure(403, "Cannot initialize the action more than once.");
        }
        String main = message.text("main");
        if (main.isEmpty() || message.text("code").isEmpty()) {
            return failure(403, "Missing main/no code to execute.");
        }
        state = "starting";
        try {
            if (guard != null) {
                guard.keep();
            }
            setVariables(message.environment());
            action = new Action(main, message.code());
        } catch (Exception | LinkageError error) {
            state = "failed";
            error.printStackTrace();
            marker.mark();
            return failure(502, "Initialization has failed due to: " + error);
        }
        state = "initialised";
        return new HttpConnection.Answer(200, "{\"ok\":true}".getBytes(StandardCharsets.UTF_8));
    }

    private void setVariables(JsonObject env) {
        if (env != null) {
            for (Map.Entry<String, JsonElement> one : env.entrySet()) {
                JsonElement value = one.getValue();
                environment.set(one.getKey(), value.isJsonPrimitive() ? value.getAsString() : GSON.toJson(value));
            }
        }
    }

    private HttpConnection.Answer run(JsonObject message) {
        if (action == null) {
            return failure(403, "System not ready, status is " + state + ".");
        }
        for (String field : RUN_FIELDS) {
            if (message.has(field) && message.get(field).isJsonPrimitive()) {
                environment.set("__OW_" + field.toUpperCase(Locale.ROOT), message.get(field).getAsString());
            }
        }
        try {
            return call(message.has("value") ? message.get("value") : new JsonObject());
        } finally {
            marker.mark();
        }
    }

    private HttpConnection.Answer call(JsonElement args) {
        try {
            JsonElement result = action.call(args);
            if (result == null) {
                throw new IllegalStateException("The action returned null");
            }
            if (!result.isJsonObject() && !result.isJsonArray()) {
                return failure(502, "The action did not return a dictionary or array.");
            }
            return new HttpConnection.Answer(200, GSON.toJson(result).getBytes(StandardCharsets.UTF_8));
        } catch (InvocationTargetException wrapped) {
            Throwable thrown = wrapped.getCause();
            thrown.printStackTrace();
            return failure(502, "An error has occurred while invoking the action (see logs for details): " + thrown);
        } catch (Exception | StackOverflowError | OutOfMemoryError error) {
            error.printStackTrace();
            return failure(502, "An error has occurred (see logs for details): " + error);
        }
    }

    private static HttpConnection.Answer failure(int status, String error) {
        JsonObject object = new JsonObject();
        object.addProperty("error", error);
        return new HttpConnection.Answer(status, GSON.toJson(object).getBytes(StandardCharsets.UTF_8));
    }
}
