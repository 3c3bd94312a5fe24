package argo;

import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;

/** Another action, called from this one, did not give a result. The same class as in a NIUk. */
public final class ActionFailed extends Exception {
    private static final long serialVersionUID = 1L;

    private final byte[] reply;

    /** @param reply a JSON object with a member "error", in UTF-8 */
    public ActionFailed(byte[] reply) {
        super(words(reply));
        this.reply = reply.clone();
    }

    /** The answer, a JSON object with a member "error". */
    public byte[] reply() {
        return reply.clone();
    }

    private static String words(byte[] reply) {
        try {
            return JsonParser.parseString(new String(reply, StandardCharsets.UTF_8)).getAsJsonObject().get("error").getAsString();
        } catch (JsonParseException | IllegalStateException | UnsupportedOperationException | NullPointerException none) {
            return "the action gave no result";
        }
    }
}
