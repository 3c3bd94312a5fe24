package argo.isolate;

import java.util.Map;

/**
 * The host's request to load a function. `heap` and `young` (the young generation's most) are in bytes, 0 for what the library was built
 * with; `options` are the language engine's.
 */
public record InitRequest(String name, String main, boolean binary, Map<String, String> env, long heap, long young, Map<String, String> options) {

    static InitRequest parse(byte[] json) {
        Map<String, Object> fields = Json.object(json);
        return new InitRequest(text(fields, "name", "action"), text(fields, "main", ""), Boolean.TRUE.equals(fields.get("binary")),
                        Json.strings(fields.get("env")), number(fields, "heap"), number(fields, "young"), Json.strings(fields.get("options")));
    }

    private static long number(Map<String, Object> fields, String key) {
        return fields.get(key) instanceof Number n ? n.longValue() : 0;
    }

    private static String text(Map<String, Object> fields, String key, String otherwise) {
        return fields.get(key) instanceof String s && !s.isEmpty() ? s : otherwise;
    }
}
