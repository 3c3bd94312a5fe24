package argo.javascript;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Map;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Hashes and random bytes for the module `crypto`. Bytes are strings of code units 0 to 255. */
final class Digests {
    private static final Map<String, String> NAMES = Map.of("md5", "MD5", "sha1", "SHA-1", "sha224", "SHA-224", "sha256", "SHA-256", "sha384", "SHA-384",
                    "sha512", "SHA-512", "sha512-256", "SHA-512/256", "sha3-256", "SHA3-256", "sha3-512", "SHA3-512");
    private static final int HMAC_BLOCK_FREE_KEY = 1;

    private Digests() {
    }

    /** Null for an algorithm that is not known. */
    static String digest(String algorithm, String data) {
        String name = NAMES.get(algorithm);
        if (name == null) {
            return null;
        }
        try {
            return text(MessageDigest.getInstance(name).digest(bytes(data)));
        } catch (GeneralSecurityException absent) {
            return null;
        }
    }

    static String hmac(String algorithm, String key, String data) {
        String name = NAMES.get(algorithm);
        if (name == null) {
            return null;
        }
        try {
            String macName = "Hmac" + name.replace("SHA-", "SHA");
            Mac mac = Mac.getInstance(macName);
            // an empty key is padded with zeros by HMAC's own rule, but SecretKeySpec refuses it
            mac.init(new SecretKeySpec(key.isEmpty() ? new byte[HMAC_BLOCK_FREE_KEY] : bytes(key), macName));
            return text(mac.doFinal(bytes(data)));
        } catch (GeneralSecurityException absent) {
            return null;
        }
    }

    static String random(int count) {
        byte[] random = new byte[count];
        new SecureRandom().nextBytes(random);
        return text(random);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }
}
