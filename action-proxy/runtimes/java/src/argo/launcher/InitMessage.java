package argo.launcher;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/**
 * The body of /init. A long jar stays where it arrived and is decoded from there: as a string in a tree, with the copies
 * that this takes, a jar of 40 MB would need four times its size.
 */
final class InitMessage {
    private static final int LONG_TEXT = 1024 * 1024;
    private static final String PLACEHOLDER = "(long)";

    private final byte[] body;
    private final int start;
    private final int end;
    private final JsonElement value;

    InitMessage(byte[] body) {
        this.body = body;
        int[] found = body.length > LONG_TEXT ? longText(body) : null;
        start = found == null ? 0 : found[0];
        end = found == null ? 0 : found[1];
        String text = found == null ? new String(body, StandardCharsets.UTF_8)
            : new String(body, 0, start, StandardCharsets.UTF_8) + PLACEHOLDER
                + new String(body, end, body.length - end, StandardCharsets.UTF_8);
        JsonObject message = JsonParser.parseString(text).getAsJsonObject();
        value = message.get("value");
    }

    /** Where the first string of more than a million base64 digits starts and ends; null where there is none. */
    private static int[] longText(byte[] body) {
        for (int at = 0; at < body.length; at++) {
            if (body[at] == '"') {
                int after = at + 1;
                while (after < body.length && isBase64(body[after])) {
                    after++;
                }
                if (after < body.length && body[after] == '"' && after - at > LONG_TEXT) {
                    return new int[] {at + 1, after};
                }
                at = after - 1;
            }
        }
        return null;
    }

    private static boolean isBase64(byte digit) {
        return digit >= 'a' && digit <= 'z' || digit >= 'A' && digit <= 'Z' || digit >= '0' && digit <= '9'
            || digit == '+' || digit == '/' || digit == '=';
    }

    /** A text field of the value; "" where it is absent or no text. */
    String text(String name) {
        if (value == null || !value.isJsonObject() || !value.getAsJsonObject().has(name)) {
            return "";
        }
        JsonElement field = value.getAsJsonObject().get(name);
        return field.isJsonPrimitive() ? field.getAsString() : "";
    }

    /** The init parameters; null where there are none. */
    JsonObject environment() {
        JsonElement env = value.getAsJsonObject().get("env");
        return env != null && env.isJsonObject() ? env.getAsJsonObject() : null;
    }

    /** The jar, as base64 digits. */
    InputStream code() {
        String code = text("code");
        if (end > 0 && code.equals(PLACEHOLDER)) {
            return new ByteArrayInputStream(body, start, end - start);
        }
        return new ByteArrayInputStream(code.getBytes(StandardCharsets.UTF_8));
    }
}
