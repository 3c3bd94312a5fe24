import com.google.gson.JsonObject;

/** Called with the payload; what it returns is the result. */
public class Hello {
    public static JsonObject main(JsonObject args) {
        String name = args.has("name") ? args.get("name").getAsString() : "world";
        System.out.println("greeting " + name);
        JsonObject result = new JsonObject();
        result.addProperty("greeting", "Hello, " + name + "!");
        return result;
    }
}
