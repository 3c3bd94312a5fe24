package argo.isolate;

import java.util.List;
import java.util.Map;

/** An outcome other than a result: a status of the C interface and the JSON object that goes with it. */
public final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String extra;

    /** @param extra further members of the reply, as JSON text that starts with a comma, or "" */
    public Failure(int status, String message, String extra) {
        super(message, null, false, false);
        this.status = status;
        this.extra = extra;
    }

    public static Failure developer(String message) {
        return new Failure(Status.DEVELOPER_ERROR, message, "");
    }

    /** Names that exist in the jar or JDK but not in the closed world of this image. */
    public static Failure missing(String message, List<Misses.Miss> misses) {
        StringBuilder members = new StringBuilder(",\"missing\":[");
        for (Misses.Miss miss : misses) {
            members.append(members.charAt(members.length() - 1) == '[' ? "" : ",");
            members.append("{\"kind\":").append(Json.quote(miss.kind())).append(",\"name\":").append(Json.quote(miss.name())).append('}');
        }
        return new Failure(Status.MISSING, message, members.append(']').toString());
    }

    public static Failure exited(int code) {
        return new Failure(Status.EXITED, "The action tried to end its process with exit code " + code + ".", ",\"exit\":" + code);
    }

    public int status() {
        return status;
    }

    String json() {
        return "{\"error\":" + Json.quote(getMessage()) + extra + "}";
    }

    /** Needed where a map of further members is at hand. */
    public static String members(Map<String, Object> members) {
        StringBuilder text = new StringBuilder();
        members.forEach((key, value) -> text.append(',').append(Json.quote(key)).append(':').append(Json.write(value)));
        return text.toString();
    }
}
