package argo.function;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.internal.LazilyParsedNumber;

/**
 * UTF-8 JSON → Gson's objects, straight from the bytes. Takes strict JSON only; everything else is left to Gson's own parser, so that
 * what is not JSON means what it means on the ordinary runtime.
 */
public final class JsonReader {
    static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    static final long EACH = 0x0101010101010101L;
    static final long HIGH = 0x8080808080808080L;
    private static final int DEEPEST = 256;
    private static final int KEYS = 64; // a power of two
    private static final int LONGEST_KEY = 32;
    private static final NotStrict NOT_STRICT = new NotStrict();

    /** Keys come again and again: each is made once. */
    private static final String[] RECENT_KEYS = new String[KEYS];

    private final byte[] json;
    private int at;

    private JsonReader(byte[] json) {
        this.json = json;
    }

    private static final class NotStrict extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NotStrict() {
            super("not strict JSON", null, false, false);
        }
    }

    /** Raises what Gson's parser raises for what is no JSON. */
    @SuppressWarnings("deprecation") // the one parser that every Gson has
    public static JsonElement read(byte[] json) {
        try {
            return new JsonReader(json).whole();
        } catch (NotStrict | ArrayIndexOutOfBoundsException leftToGson) {
            return new JsonParser().parse(new String(json, StandardCharsets.UTF_8));
        }
    }

    private JsonElement whole() {
        JsonElement value = value(0);
        while (at < json.length) {
            if (!isSpace(json[at++])) {
                throw NOT_STRICT;
            }
        }
        return value;
    }

    private JsonElement value(int depth) {
        switch (next()) {
            case '{':
                return object(depth);
            case '[':
                return array(depth);
            case '"':
                return new JsonPrimitive(string());
            case 't':
                return word("true", new JsonPrimitive(Boolean.TRUE));
            case 'f':
                return word("false", new JsonPrimitive(Boolean.FALSE));
            case 'n':
                return word("null", JsonNull.INSTANCE);
            default:
                return number();
        }
    }

    /** The byte that is not a space; `at` stays on it. */
    private byte next() {
        while (isSpace(json[at])) {
            at++;
        }
        return json[at];
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b == '\n' || b == '\r' || b == '\t';
    }

    private JsonObject object(int depth) {
        JsonObject object = new JsonObject();
        at++;
        if (next() == '}') {
            at++;
            return object;
        }
        for (;;) {
            expect(next(), '"');
            String key = key();
            expect(next(), ':');
            at++;
            object.add(key, value(deeper(depth)));
            if (next() == '}') {
                at++;
                return object;
            }
            expect(json[at++], ',');
        }
    }

    private JsonArray array(int depth) {
        JsonArray array = new JsonArray();
        at++;
        if (next() == ']') {
            at++;
            return array;
        }
        for (;;) {
            array.add(value(deeper(depth)));
            if (next() == ']') {
                at++;
                return array;
            }
            expect(json[at++], ',');
        }
    }

    private static int deeper(int depth) {
        if (depth >= DEEPEST) {
            throw NOT_STRICT;
        }
        return depth + 1;
    }

    private static void expect(byte found, char wanted) {
        if (found != wanted) {
            throw NOT_STRICT;
        }
    }

    private JsonElement word(String word, JsonElement value) {
        for (int i = 0; i < word.length(); i++) {
            expect(json[at++], word.charAt(i));
        }
        return value;
    }

    private JsonElement number() {
        int start = at;
        if (json[at] == '-') {
            at++;
        }
        if (json[at] == '0') {
            at++;
        } else {
            digits();
        }
        if (at < json.length && json[at] == '.') {
            at++;
            digits();
        }
        if (at < json.length && (json[at] | 0x20) == 'e') {
            at++;
            if (json[at] == '+' || json[at] == '-') {
                at++;
            }
            digits();
        }
        return new JsonPrimitive(new LazilyParsedNumber(new String(json, start, at - start, StandardCharsets.ISO_8859_1)));
    }

    private void digits() {
        int start = at;
        while (at < json.length && json[at] >= '0' && json[at] <= '9') {
            at++;
        }
        if (at == start) {
            throw NOT_STRICT;
        }
    }

    private String key() {
        int start = at + 1;
        int end = plain(json, start, json.length);
        int length = end - start;
        if (json[end] != '"' || length == 0 || length > LONGEST_KEY) {
            return string();
        }
        at = end + 1;
        int slot = (json[start] * 31 + json[end - 1] * 7 + length) & (KEYS - 1);
        String known = RECENT_KEYS[slot];
        if (known == null || !isAscii(known, start, length)) {
            known = new String(json, start, length, StandardCharsets.ISO_8859_1);
            RECENT_KEYS[slot] = known;
        }
        return known;
    }

    private boolean isAscii(String text, int start, int length) {
        if (text.length() != length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (text.charAt(i) != json[start + i]) {
                return false;
            }
        }
        return true;
    }

    /** From the quote on; `at` is behind the closing one afterwards. */
    private String string() {
        int start = at + 1;
        int end = plain(json, start, json.length);
        if (json[end] == '"') {
            at = end + 1;
            return new String(json, start, end - start, StandardCharsets.ISO_8859_1);
        }
        return mixed(start, end);
    }

    /** A string with escapes, or with characters beyond ASCII. */
    private String mixed(int start, int from) {
        StringBuilder text = null;
        int done = start;
        int i = from;
        for (;;) {
            byte b = json[i];
            if (b == '"') {
                String rest = new String(json, done, i - done, StandardCharsets.UTF_8);
                at = i + 1;
                return text == null ? rest : text.append(rest).toString();
            }
            if (b == '\\') {
                text = (text == null ? new StringBuilder() : text).append(new String(json, done, i - done, StandardCharsets.UTF_8));
                at = i + 1;
                text.append(escaped());
                i = at;
                done = at;
            } else if (b >= 0 && b < ' ') {
                throw NOT_STRICT;
            } else {
                i++;
            }
        }
    }

    private char escaped() {
        byte b = json[at++];
        switch (b) {
            case '"':
            case '\\':
            case '/':
                return (char) b;
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                return hexadecimal();
            default:
                throw NOT_STRICT;
        }
    }

    private char hexadecimal() {
        int unit = 0;
        for (int end = at + 4; at < end; at++) {
            int digit = Character.digit(json[at], 16);
            if (digit < 0) {
                throw NOT_STRICT;
            }
            unit = unit << 4 | digit;
        }
        return (char) unit;
    }

    /** The first byte from `from` on that is a quote, a backslash, a control or beyond ASCII; `end` where there is none. */
    static int plain(byte[] bytes, int from, int end) {
        int i = from;
        for (; i <= end - Long.BYTES; i += Long.BYTES) {
            long eight = (long) LONGS.get(bytes, i);
            long special = special(eight);
            if (special != 0) {
                return i + (Long.numberOfTrailingZeros(special) >>> 3);
            }
        }
        while (i < end && bytes[i] >= ' ' && bytes[i] != '"' && bytes[i] != '\\') {
            i++;
        }
        return i;
    }

    /** The high bit of each byte that is special; those above the lowest may be wrong. */
    private static long special(long eight) {
        long quote = eight ^ EACH * '"';
        long backslash = eight ^ EACH * '\\';
        return (quote - EACH & ~quote | backslash - EACH & ~backslash | eight - EACH * ' ' & ~eight | eight) & HIGH;
    }
}
