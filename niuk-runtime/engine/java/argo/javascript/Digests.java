package argo.javascript;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Hashes and random bytes for the module `crypto`. Bytes are strings of code units 0 to 255. Data come as pairs: `utf8` and a text, or
 * `bytes` and such a string.
 */
final class Digests {
    private static final Map<String, String> NAMES = Map.of("md5", "MD5", "sha1", "SHA-1", "sha224", "SHA-224", "sha256", "SHA-256", "sha384", "SHA-384",
                    "sha512", "SHA-512", "sha512-256", "SHA-512/256", "sha3-256", "SHA3-256", "sha3-512", "SHA3-512");
    private static final int HMAC_BLOCK_FREE_KEY = 1;
    private static final byte[] REPLACEMENT = {(byte) 0xef, (byte) 0xbf, (byte) 0xbd};

    /** One of each, looked up among the providers once: `digest` leaves it as new. An isolate runs one function at a time. */
    private static final Map<String, MessageDigest> KEPT = new HashMap<>();

    private Digests() {
    }

    /** In `encoding`: hex, base64, base64url or latin1. Null for an algorithm that is not known. */
    static String digest(String algorithm, String encoding, List<String> data) {
        String name = NAMES.get(algorithm);
        if (name == null) {
            return null;
        }
        try {
            MessageDigest digest = KEPT.get(name);
            if (digest == null) {
                digest = MessageDigest.getInstance(name);
                KEPT.put(name, digest);
            }
            digest.reset(); // one that was cut off in the middle left its data
            feed(digest::update, data);
            return written(digest.digest(), encoding);
        } catch (GeneralSecurityException absent) {
            return null;
        }
    }

    static String hmac(String algorithm, String key, String encoding, List<String> data) {
        String name = NAMES.get(algorithm);
        if (name == null) {
            return null;
        }
        try {
            String macName = "Hmac" + name.replace("SHA-", "SHA");
            Mac mac = Mac.getInstance(macName);
            // an empty key is padded with zeros by HMAC's own rule, but SecretKeySpec refuses it
            mac.init(new SecretKeySpec(key.isEmpty() ? new byte[HMAC_BLOCK_FREE_KEY] : bytes(key), macName));
            feed(mac::update, data);
            return written(mac.doFinal(), encoding);
        } catch (GeneralSecurityException absent) {
            return null;
        }
    }

    static String random(int count) {
        byte[] random = new byte[count];
        new SecureRandom().nextBytes(random);
        return text(random);
    }

    private static void feed(Consumer<byte[]> sink, List<String> data) {
        for (int i = 0; i + 1 < data.size(); i += 2) {
            sink.accept(data.get(i).equals("utf8") ? utf8(data.get(i + 1)) : bytes(data.get(i + 1)));
        }
    }

    /** As Node writes it: what is half a pair of surrogates becomes U+FFFD. */
    private static byte[] utf8(String text) {
        if (!hasSurrogates(text)) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().onMalformedInput(CodingErrorAction.REPLACE).replaceWith(REPLACEMENT)
                            .encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            return bytes;
        } catch (CharacterCodingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static boolean hasSurrogates(String text) {
        for (int at = 0; at < text.length(); at++) {
            if (Character.isSurrogate(text.charAt(at))) {
                return true;
            }
        }
        return false;
    }

    private static String written(byte[] bytes, String encoding) {
        switch (encoding) {
            case "hex":
                return HexFormat.of().formatHex(bytes);
            case "base64":
                return Base64.getEncoder().encodeToString(bytes);
            case "base64url":
                return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
            default:
                return text(bytes);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }
}
