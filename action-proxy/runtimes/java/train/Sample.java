import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/** Called once when the class archive is made; it uses what most functions use. */
public final class Sample {
    private Sample() {
    }

    public static JsonObject main(JsonObject args) {
        if (args.has("fail")) {
            throw new IllegalStateException("asked to");
        }
        JsonArray list = new JsonArray();
        list.add(1);
        list.add(args.getAsJsonPrimitive("name").getAsString());
        JsonObject answer = new JsonObject();
        answer.addProperty("greeting", "Hello, " + args.getAsJsonPrimitive("name").getAsString() + "!");
        answer.addProperty("id", System.getenv("__OW_ACTIVATION_ID"));
        answer.add("list", list);
        System.out.println(answer);
        return answer;
    }
}
