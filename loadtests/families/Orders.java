import java.util.Map;
import java.util.TreeMap;

import com.google.gson.JsonObject;

/** Sums orders by customer, after waiting as a function waits for a database. */
public final class Orders {
    private static final int ORDERS = 400;

    private Orders() {
    }

    public static JsonObject main(JsonObject args) throws InterruptedException {
        if (args.has("wait_ms")) {
            Thread.sleep(args.get("wait_ms").getAsLong());
        }
        int seed = args.has("seed") ? args.get("seed").getAsInt() : 1;
        Map<String, Integer> totals = new TreeMap<>();
        for (int i = 0; i < ORDERS; i++) {
            seed = seed * 1103515245 + 12345;
            totals.merge("customer-" + (seed >>> 8) % 16, (seed >>> 12) % 1000, Integer::sum);
        }
        JsonObject answer = new JsonObject();
        for (Map.Entry<String, Integer> total : totals.entrySet()) {
            answer.addProperty(total.getKey(), total.getValue());
        }
        return answer;
    }
}
