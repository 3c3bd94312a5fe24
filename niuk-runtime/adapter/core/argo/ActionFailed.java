package argo;

import argo.isolate.Json;

/** Another action, called from this one, did not give a result. */
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
            return String.valueOf(Json.object(reply).get("error"));
        } catch (IllegalArgumentException malformed) {
            return "the action gave no result";
        }
    }
}
