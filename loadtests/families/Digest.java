import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

import com.google.gson.JsonObject;

/** Signs a document. */
public final class Digest {
    private static final int LINES = 300;

    private Digest() {
    }

    public static JsonObject main(JsonObject args) throws InterruptedException, NoSuchAlgorithmException {
        if (args.has("wait_ms")) {
            Thread.sleep(args.get("wait_ms").getAsLong());
        }
        int seed = args.has("seed") ? args.get("seed").getAsInt() : 1;
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (int i = 0; i < LINES; i++) {
            digest.update(("line " + (seed + i) + " of a document;").getBytes(StandardCharsets.UTF_8));
        }
        StringBuilder hex = new StringBuilder();
        for (byte each : digest.digest()) {
            hex.append(String.format("%02x", each));
        }
        JsonObject answer = new JsonObject();
        answer.addProperty("sha256", hex.toString());
        return answer;
    }
}
