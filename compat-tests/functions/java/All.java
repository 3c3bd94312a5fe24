import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/** Answers by what it is asked for. */
public class All {
    public static JsonObject main(JsonObject args) {
        if (args.has("say")) {
            System.out.println("out " + args.get("say").getAsString());
            System.err.println("err " + args.get("say").getAsString());
        }
        if (args.has("fail")) {
            throw new IllegalStateException(args.get("fail").getAsString());
        }
        JsonObject answer = new JsonObject();
        if (args.has("env")) {
            answer.addProperty("value", System.getenv(args.get("env").getAsString()));
        } else {
            answer.addProperty("greeting", "Hello " + (args.has("name") ? args.get("name").getAsString() : "stranger"));
        }
        return answer;
    }

    /** Takes and gives an array. */
    public static class Lists {
        public static JsonArray main(JsonArray list) {
            list.add("java");
            return list;
        }
    }
}
