package argo.isolate;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** The environment variables of the function: those of its init, overlaid with those of the invocation. The process's own are not seen. */
public final class Environment {
    private static volatile Map<String, String> base = Map.of();
    private static volatile Map<String, String> current = Map.of();

    private Environment() {
    }

    static void ofFunction(Map<String, String> variables) {
        base = Collections.unmodifiableMap(variables);
        current = base;
    }

    static void ofInvocation(Map<String, String> variables) {
        if (variables.isEmpty()) {
            current = base;
            return;
        }
        Map<String, String> merged = new LinkedHashMap<>(base);
        merged.putAll(variables);
        current = Collections.unmodifiableMap(merged);
    }

    /** Unmodifiable. */
    public static Map<String, String> variables() {
        return current;
    }

    /** The same as a JSON object. */
    public static String asJson() {
        return Json.write(new LinkedHashMap<String, Object>(current));
    }
}
