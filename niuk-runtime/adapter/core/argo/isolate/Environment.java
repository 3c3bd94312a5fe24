package argo.isolate;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** The environment variables of the function: those of its init, overlaid with those of the invocation. The process's own are not seen. */
public final class Environment {
    private static volatile Map<String, String> base = Map.of();
    private static volatile Map<String, String> current = Map.of();
    private static volatile byte[] unread;

    private Environment() {
    }

    static void ofFunction(Map<String, String> variables) {
        base = Collections.unmodifiableMap(variables);
        ofInvocation(new byte[0]);
    }

    /** @param json an object of strings, or nothing. Few functions ask for their environment: it is read when one does. */
    static void ofInvocation(byte[] json) {
        current = base;
        unread = json.length == 0 ? null : json;
    }

    /** Unmodifiable. @throws Failure when the host gave what is no JSON object */
    public static Map<String, String> variables() {
        byte[] json = unread;
        if (json != null) {
            Map<String, String> merged = new LinkedHashMap<>(base);
            merged.putAll(parsed(json));
            current = Collections.unmodifiableMap(merged);
            unread = null;
        }
        return current;
    }

    private static Map<String, String> parsed(byte[] json) {
        try {
            return Json.strings(Json.object(json));
        } catch (IllegalArgumentException malformed) {
            throw new Failure(Status.BAD_REQUEST, "The environment is malformed: " + malformed.getMessage(), "");
        }
    }

    /** The same as a JSON object. */
    public static String asJson() {
        return Json.write(new LinkedHashMap<String, Object>(variables()));
    }
}
