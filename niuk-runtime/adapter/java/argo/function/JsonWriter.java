package argo.function;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;

/** Gson's objects → UTF-8 JSON, byte for byte as `JsonElement.toString` writes it. */
public final class JsonWriter {
    private static final int KEPT = 64 * 1024;
    private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] ESCAPES = new byte[128];

    static {
        ESCAPES['"'] = '"';
        ESCAPES['\\'] = '\\';
        ESCAPES['\t'] = 't';
        ESCAPES['\b'] = 'b';
        ESCAPES['\n'] = 'n';
        ESCAPES['\r'] = 'r';
        ESCAPES['\f'] = 'f';
    }

    private byte[] out = new byte[1024];
    private int length;

    /** Its buffer is used again: one thread at a time. */
    JsonWriter() {
    }

    public static byte[] write(JsonElement value) {
        return new JsonWriter().bytes(value);
    }

    byte[] bytes(JsonElement value) {
        length = 0;
        value(value);
        if (length == out.length) {
            byte[] whole = out;
            out = new byte[1024];
            return whole;
        }
        byte[] copy = Arrays.copyOf(out, length);
        if (out.length > KEPT) {
            out = new byte[1024];
        }
        return copy;
    }

    private void value(JsonElement value) {
        if (value == null || value.isJsonNull()) {
            word("null");
        } else if (value.isJsonPrimitive()) {
            primitive(value.getAsJsonPrimitive());
        } else if (value.isJsonObject()) {
            byte before = '{';
            for (Map.Entry<String, JsonElement> member : value.getAsJsonObject().entrySet()) {
                put(before);
                before = ',';
                string(member.getKey());
                put((byte) ':');
                value(member.getValue());
            }
            close(before, '{', '}');
        } else {
            byte before = '[';
            for (JsonElement element : value.getAsJsonArray()) {
                put(before);
                before = ',';
                value(element);
            }
            close(before, '[', ']');
        }
    }

    private void close(byte before, char open, char close) {
        if (before == open) {
            put(before);
        }
        put((byte) close);
    }

    private void primitive(JsonPrimitive value) {
        if (value.isString()) {
            string(value.getAsString());
        } else {
            word(value.getAsString()); // of a number or a boolean: what Gson's own writer prints
        }
    }

    private void put(byte b) {
        room(1);
        out[length++] = b;
    }

    @SuppressWarnings("deprecation") // ASCII, where the low bytes are the text
    private void word(String word) {
        int size = word.length();
        room(size);
        word.getBytes(0, size, out, length);
        length += size;
    }

    private void string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        room(utf8.length + 16); // with what `room` is asked for below, where nothing is escaped
        out[length++] = '"';
        for (int done = 0; done < utf8.length;) {
            int end = JsonReader.plain(utf8, done, utf8.length);
            room(end - done + 7);
            System.arraycopy(utf8, done, out, length, end - done);
            length += end - done;
            done = end == utf8.length ? end : special(utf8, end);
        }
        put((byte) '"');
    }

    /** Writes the character at `at`, which may need an escape; where the next one begins. */
    private int special(byte[] utf8, int at) {
        byte b = utf8[at];
        if (b < 0) {
            return isLineSeparator(utf8, at) ? unicode(utf8[at + 2] & 0xff, at + 3) : copied(utf8, at);
        }
        if (ESCAPES[b] != 0) {
            out[length++] = '\\';
            out[length++] = ESCAPES[b];
            return at + 1;
        }
        ascii("\\u00");
        out[length++] = HEX[b >> 4];
        out[length++] = HEX[b & 15];
        return at + 1;
    }

    private int copied(byte[] utf8, int at) {
        int end = at;
        while (end < utf8.length && utf8[end] < 0 && (end == at || !isLineSeparator(utf8, end))) {
            end++;
        }
        room(end - at + 7);
        System.arraycopy(utf8, at, out, length, end - at);
        length += end - at;
        return end;
    }

    /** U+2028 and U+2029, which JavaScript takes for ends of a line. */
    private static boolean isLineSeparator(byte[] utf8, int at) {
        return utf8[at] == (byte) 0xe2 && at + 2 < utf8.length && utf8[at + 1] == (byte) 0x80 && (utf8[at + 2] & 0xfe) == 0xa8;
    }

    private int unicode(int last, int next) {
        ascii("\\u20");
        out[length++] = '2';
        out[length++] = HEX[last & 15];
        return next;
    }

    @SuppressWarnings("deprecation")
    private void ascii(String text) {
        text.getBytes(0, text.length(), out, length);
        length += text.length();
    }

    private void room(int more) {
        if (out.length - length < more) {
            int wanted = length + more;
            out = Arrays.copyOf(out, Math.max(wanted + wanted / 16, Math.max(out.length * 2, 1024)));
        }
    }
}
