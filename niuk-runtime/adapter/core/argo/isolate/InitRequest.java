package argo.isolate;

import java.util.Map;

/** The host's request to load a function; `heap` is in bytes, 0 for no limit. */
public record InitRequest(String name, String main, boolean binary, Map<String, String> env, long heap) {

    static InitRequest parse(byte[] json) {
        Map<String, Object> fields = Json.object(json);
        return new InitRequest(text(fields, "name", "action"), text(fields, "main", ""), Boolean.TRUE.equals(fields.get("binary")),
                        Json.strings(fields.get("env")), fields.get("heap") instanceof Number n ? n.longValue() : 0);
    }

    private static String text(Map<String, Object> fields, String key, String otherwise) {
        return fields.get(key) instanceof String s && !s.isEmpty() ? s : otherwise;
    }
}
